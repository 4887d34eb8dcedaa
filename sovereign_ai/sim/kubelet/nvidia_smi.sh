#!/bin/sh
# Shows the simulated GPUs of this container in the shape of nvidia-smi: the table, -L, and --query-gpu=FIELDS
# with --format=csv[,noheader][,nounits]. It needs nothing but a shell. Exit 15: a GPU is lost.
gpus=${SOVEREIGN_GPUS:-/run/sovereign-ai/gpus}
query= format= list= lost=0

for word; do
  case $word in
    -L | --list-gpus) list=yes ;;
    --query-gpu=*) query=${word#*=} ;;
    --format=*) format=,${word#*=}, ;;
    *) echo "Invalid option: $word" >&2; exit 2 ;;
  esac
done

reading() { # folder field
  value=
  [ -r "$1/$2" ] && read -r value <"$1/$2"
}

unit() { # field
  case $1 in
    memory.*) echo " MiB" ;;
    power.*) echo " W" ;;
    utilization.*) echo " %" ;;
  esac
}

say_lost() { # folder index
  reading "$1" pci.bus_id
  bus=$value
  reading "$1" lost
  echo "Unable to determine the device handle for GPU $2 ($bus): GPU is lost, Xid $value" >&2
  lost=15
}

row() { # folder index
  line= separator=
  old=$IFS IFS=,
  for field in $query; do
    field=${field# }
    if [ "$field" = index ]; then value=$2; else reading "$1" "$field"; fi
    case $format in *,nounits,*) end= ;; *) end=$(unit "$field") ;; esac
    line=$line$separator${value:-[N/A]}$end separator=", "
  done
  IFS=$old
  echo "$line"
}

entry() { # folder index
  reading "$1" name; name=$value
  reading "$1" uuid; uuid=$value
  reading "$1" mig.profile
  if [ -n "$value" ]; then
    echo "  MIG $value  Device $2: (UUID: $uuid)"
  else
    echo "GPU $2: $name (UUID: $uuid)"
  fi
}

card() { # folder index
  reading "$1" name; name=$value
  reading "$1" pci.bus_id; bus=$value
  reading "$1" temperature.gpu; celsius=$value
  reading "$1" power.draw; watts=$value
  reading "$1" power.limit; limit=$value
  reading "$1" memory.used; used=$value
  reading "$1" memory.total; total=$value
  reading "$1" utilization.gpu
  printf '| %3s  %-24s %-16s | %3sC %5sW / %5sW | %7sMiB / %7sMiB | %4s%% |\n' \
    "$2" "$name" "$bus" "$celsius" "$watts" "$limit" "$used" "$total" "$value"
}

head_lines() { # first folder
  reading "$1" driver_version; driver=$value
  reading "$1" cuda_version
  printf '| NVIDIA-SMI (simulated)   Driver Version: %s   CUDA Version: %s\n' "$driver" "$value"
  printf '| GPU  %-24s %-16s | Temp     Pwr:Usage/Cap | %23s | Util  |\n' Name Bus-Id Memory-Usage
}

number=0
for folder in "$gpus"/*/; do
  folder=${folder%/}
  [ -r "$folder/uuid" ] || continue
  if [ "$number" = 0 ] && [ -z "$list" ]; then
    if [ -z "$query" ]; then head_lines "$folder"; else case $format in *,noheader,*) ;; *) echo "$query" ;; esac; fi
  fi
  if [ -r "$folder/lost" ]; then say_lost "$folder" "$number"
  elif [ -n "$list" ]; then entry "$folder" "$number"
  elif [ -n "$query" ]; then row "$folder" "$number"
  else card "$folder" "$number"
  fi
  number=$((number + 1))
done
[ "$number" != 0 ] || { echo "No devices were found" >&2; exit 6; }
exit "$lost"
