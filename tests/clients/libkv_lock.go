// Takes a lock as libkv does on etcd's v2 API, prints that, and releases it at the end of its input.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/docker/libkv/store"
	"github.com/docker/libkv/store/etcd"
)

func main() {
	kv, err := etcd.New([]string{os.Args[1]}, &store.Config{ConnectionTimeout: 10 * time.Second})
	if err != nil {
		panic(err)
	}
	lock, err := kv.NewLock(os.Args[2], &store.LockOptions{Value: []byte("by libkv"), TTL: 20 * time.Second})
	if err != nil {
		panic(err)
	}
	fmt.Println("waits")
	if _, err := lock.Lock(nil); err != nil {
		panic(err)
	}
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
	if err := lock.Unlock(); err != nil {
		panic(err)
	}
}
