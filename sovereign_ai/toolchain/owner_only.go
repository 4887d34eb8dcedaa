// Serve a loopback port to processes of this process's own account only; the same rule as owner_only.py, for the hosts in Go.
//
// A port on 127.0.0.1 is open to every account of the machine, and Pulumi's protocol has no credentials: whoever calls a language
// host runs programs in its account. Before a byte is read, the kernel's socket tables name the account that opened the other end.
// Every doubt ends the connection.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"google.golang.org/grpc"
)

const (
	// TCP_ESTABLISHED in the kernel's include/net/tcp_states.h.
	established = 1
	// Reads of the tables before a missing entry counts: one can be passed over while its neighbours change.
	looks     = 5
	lookAgain = 10 * time.Millisecond
	// Bytes of one message, as the SDKs allow.
	largestMessage = 400 << 20
)

var errStranger = errors.New("a connection of another account is refused")

// ownListener accepts like its listener; each connection is judged by its own goroutine, so that a stranger delays nobody.
type ownListener struct{ net.Listener }

func (l ownListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &ownConn{Conn: conn}, nil
}

type ownConn struct {
	net.Conn
	once sync.Once
	err  error
}

func (c *ownConn) judge() error {
	c.once.Do(func() {
		if !isOwn(c.Conn) {
			c.err = errStranger
			c.Conn.Close()
		}
	})
	return c.err
}

func (c *ownConn) Read(data []byte) (int, error) {
	if err := c.judge(); err != nil {
		return 0, err
	}
	return c.Conn.Read(data)
}

func (c *ownConn) Write(data []byte) (int, error) {
	if err := c.judge(); err != nil {
		return 0, err
	}
	return c.Conn.Write(data)
}

func isOwn(conn net.Conn) bool {
	own, known := ownAccount()
	here, okHere := endOf(conn.LocalAddr())
	there, okThere := endOf(conn.RemoteAddr())
	if !known || !okHere || !okThere {
		return false
	}
	for look := 0; look < looks; look++ {
		accounts, err := accountsOf(there, here)
		if err != nil {
			return false
		}
		if len(accounts) > 0 {
			for _, account := range accounts {
				if account != own {
					return false
				}
			}
			// After a reset another account's socket can have the same ends, and the table may have shown that one.
			return isEstablished(conn)
		}
		time.Sleep(lookAgain)
	}
	return false
}

// isEstablished asks the kernel for the state of a connection: the first byte of its TCP_INFO.
func isEstablished(conn net.Conn) bool {
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return false
	}
	state := byte(0)
	err = raw.Control(func(descriptor uintptr) {
		info, failed := syscall.GetsockoptInt(int(descriptor), syscall.IPPROTO_TCP, syscall.TCP_INFO)
		if failed == nil {
			state = binary.NativeEndian.AppendUint32(nil, uint32(info))[0]
		}
	})
	return err == nil && state == established
}

// ownAccount returns this process's account, unless the kernel lists accounts that it cannot name under the same number.
func ownAccount() (string, bool) {
	own := strconv.Itoa(os.Geteuid())
	unnamed, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil {
		return "", false
	}
	mapped, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return "", false
	}
	everybody := strings.Join(strings.Fields(string(mapped)), " ") == "0 0 4294967295"
	return own, everybody || own != strings.TrimSpace(string(unnamed))
}

func endOf(address net.Addr) (netip.AddrPort, bool) {
	end, err := netip.ParseAddrPort(address.String())
	if err != nil {
		return end, false
	}
	return netip.AddrPortFrom(end.Addr().Unmap().WithZone(""), end.Port()), true
}

// accountsOf lists the accounts of every established socket with these two ends; a socket in another state counts as nobody's.
func accountsOf(local, remote netip.AddrPort) ([]string, error) {
	var found []string
	for _, table := range []string{"/proc/self/net/tcp", "/proc/self/net/tcp6"} {
		file, err := os.Open(table)
		if errors.Is(err, os.ErrNotExist) && strings.HasSuffix(table, "6") {
			continue // the kernel has no IPv6
		}
		if err != nil {
			return nil, err
		}
		lines := bufio.NewScanner(file)
		lines.Scan() // the heading
		for lines.Scan() {
			fields := strings.Fields(lines.Text())
			if len(fields) < 10 {
				file.Close()
				return nil, fmt.Errorf("%s has another layout", table)
			}
			one, errOne := tableEnd(fields[1])
			other, errOther := tableEnd(fields[2])
			if errOne != nil || errOther != nil {
				file.Close()
				return nil, errors.Join(errOne, errOther)
			}
			if one != local || other != remote {
				continue
			}
			// A socket that no process holds has no inode, and is listed as root's.
			if state, err := strconv.ParseUint(fields[3], 16, 8); err != nil || state != established || fields[9] == "0" {
				found = append(found, "nobody")
			} else {
				found = append(found, fields[7])
			}
		}
		file.Close()
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// tableEnd reads `0100007F:1F90`: 32-bit words in the machine's byte order, in hexadecimal.
func tableEnd(field string) (netip.AddrPort, error) {
	words, port, _ := strings.Cut(field, ":")
	raw, err := hex.DecodeString(words)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("no address: %q", field)
	}
	number, err := strconv.ParseUint(port, 16, 16)
	if err != nil {
		return netip.AddrPort{}, err
	}
	for at := 0; at < len(raw); at += 4 {
		binary.NativeEndian.PutUint32(raw[at:], binary.BigEndian.Uint32(raw[at:]))
	}
	address, ok := netip.AddrFromSlice(raw)
	if !ok {
		return netip.AddrPort{}, fmt.Errorf("no address: %q", field)
	}
	return netip.AddrPortFrom(address.Unmap(), uint16(number)), nil
}

// serve prints a port, answers the engine, and ends when the engine does or asks.
func serve(engine string, register func(*grpc.Server)) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if engine != "" {
		if err := rpcutil.Healthcheck(ctx, engine, 5*time.Minute, stop); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(largestMessage), grpc.MaxSendMsgSize(largestMessage))
	register(server)
	go func() {
		<-ctx.Done()
		server.Stop()
	}()
	fmt.Printf("%d\n", listener.Addr().(*net.TCPAddr).Port)
	return server.Serve(ownListener{listener})
}
