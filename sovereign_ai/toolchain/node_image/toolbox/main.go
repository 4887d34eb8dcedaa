// Toolbox is the one program of the images that need one: it holds pods, and lets a test see from inside
// a pod what a user would see. It trusts no proxy and opens nothing that it is not told to open.
//
//	toolbox pause                 wait for the end; bury children that lost their parent
//	toolbox env                   print the environment, sorted
//	toolbox list FOLDER           print the names in a folder
//	toolbox copy FROM TO          copy a file, unless the target is there
//	toolbox serve ADDRESS BODY    answer every request with a body
//	toolbox get URL SECONDS       ask again until there is an answer, and print its body; exit 1 without one in time
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) == 1 && words[0] == "pause":
		return pause()
	case len(words) == 1 && words[0] == "env":
		lines := os.Environ()
		slices.Sort(lines)
		for _, line := range lines {
			fmt.Println(line)
		}
		return nil
	case len(words) == 2 && words[0] == "list":
		return list(words[1])
	case len(words) == 3 && words[0] == "copy":
		return keepOrCopy(words[1], words[2])
	case len(words) == 3 && words[0] == "serve":
		return serve(words[1], words[2])
	case len(words) == 3 && words[0] == "get":
		return get(words[1], words[2])
	}
	return fmt.Errorf("usage: toolbox pause | env | list FOLDER | copy FROM TO | serve ADDRESS BODY | get URL SECONDS")
}

func pause() error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for one := range signals {
		if one != syscall.SIGCHLD {
			return nil
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
	return nil
}

func list(folder string) error {
	entries, err := os.ReadDir(folder)
	for _, entry := range entries {
		fmt.Println(entry.Name())
	}
	return err
}

func keepOrCopy(from, to string) error {
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}

func serve(address, body string) error {
	answer := func(writer http.ResponseWriter, _ *http.Request) { fmt.Fprintln(writer, body) }
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(answer), ReadHeaderTimeout: 5 * time.Second}
	return server.ListenAndServe()
}

func get(url, seconds string) error {
	limit, err := strconv.ParseFloat(seconds, 64)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(time.Duration(limit * float64(time.Second)))
	transport := &http.Transport{Proxy: nil, DisableKeepAlives: true}
	for {
		client := &http.Client{Transport: transport, Timeout: min(2*time.Second, time.Until(deadline))}
		answer, err := client.Get(url)
		if err == nil {
			defer answer.Body.Close()
			_, err = io.Copy(os.Stdout, answer.Body)
			return err
		}
		if time.Until(deadline) < 300*time.Millisecond {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
}
