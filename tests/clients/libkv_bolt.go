// Reads and writes one key of a BoltDB file as libkv does: FILE BUCKET put|get|swap KEY [VALUE [INDEX]].
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/docker/libkv/store"
	"github.com/docker/libkv/store/boltdb"
)

func main() {
	config := &store.Config{Bucket: os.Args[2], ConnectionTimeout: 10 * time.Second}
	kv, err := boltdb.New([]string{os.Args[1]}, config)
	if err != nil {
		panic(err)
	}
	key := os.Args[4]
	switch os.Args[3] {
	case "put":
		err = kv.Put(key, []byte(os.Args[5]), nil)
	case "get":
		var pair *store.KVPair
		if pair, err = kv.Get(key); err == nil {
			fmt.Println(pair.LastIndex, string(pair.Value))
		}
	case "swap":
		index, _ := strconv.ParseUint(os.Args[6], 10, 64)
		_, _, err = kv.AtomicPut(key, []byte(os.Args[5]), &store.KVPair{Key: key, LastIndex: index}, nil)
	}
	if err != nil {
		fmt.Println("error:", err)
	}
}
