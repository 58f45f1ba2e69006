// Takes a lock as go-zookeeper does, prints that, and releases it at the end of its input.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/samuel/go-zookeeper/zk"
)

func main() {
	connection, _, err := zk.Connect([]string{os.Args[1]}, 10*time.Second, zk.WithLogInfo(false))
	if err != nil {
		panic(err)
	}
	defer connection.Close()
	lock := zk.NewLock(connection, os.Args[2], zk.WorldACL(zk.PermAll))
	fmt.Println("waits")
	if err := lock.Lock(); err != nil {
		panic(err)
	}
	fmt.Println("held")
	io.Copy(io.Discard, os.Stdin)
	if err := lock.Unlock(); err != nil {
		panic(err)
	}
}
