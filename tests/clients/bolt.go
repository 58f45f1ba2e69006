// Checks, reads and writes a BoltDB file with bbolt, one command a line of its input, and answers each with one line.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

func names(text string) [][]byte {
	var found [][]byte
	for _, part := range strings.Split(text, "/") {
		name, err := hex.DecodeString(part)
		if err != nil {
			panic(err)
		}
		found = append(found, name)
	}
	return found
}

// Makes the buckets of a path, and returns the last one.
func buckets(tx *bbolt.Tx, path [][]byte) *bbolt.Bucket {
	bucket, err := tx.CreateBucketIfNotExists(path[0])
	for _, name := range path[1:] {
		if err == nil {
			bucket, err = bucket.CreateBucketIfNotExists(name)
		}
	}
	if err != nil {
		panic(err)
	}
	return bucket
}

func dump(bucket *bbolt.Bucket, prefix string, lines *[]string) error {
	return bucket.ForEach(func(key, value []byte) error {
		path := prefix + hex.EncodeToString(key)
		if value == nil {
			below := bucket.Bucket(key)
			*lines = append(*lines, fmt.Sprintf("%s bucket %d", path, below.Sequence()))
			return dump(below, path+"/", lines)
		}
		*lines = append(*lines, path+" "+hex.EncodeToString(value))
		return nil
	})
}

func perform(tx *bbolt.Tx, words []string) error {
	path := names(words[1])
	parent, last := path[:len(path)-1], path[len(path)-1]
	switch words[0] {
	case "put":
		value, err := hex.DecodeString(strings.TrimPrefix(words[2], "="))
		if err != nil {
			return err
		}
		return buckets(tx, parent).Put(last, value)
	case "delete":
		return buckets(tx, parent).Delete(last)
	case "bucket":
		buckets(tx, path)
		return nil
	case "drop":
		if len(parent) == 0 {
			return tx.DeleteBucket(last)
		}
		return buckets(tx, parent).DeleteBucket(last)
	case "next":
		_, err := buckets(tx, path).NextSequence()
		return err
	}
	return fmt.Errorf("unknown operation %q", words[0])
}

func answer(db *bbolt.DB, line string) (string, error) {
	switch command, rest, _ := strings.Cut(line, " "); command {
	case "check":
		var errors []string
		err := db.View(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				errors = append(errors, err.Error())
			}
			return nil
		})
		return strings.Join(errors, "; "), err
	case "dump":
		var lines []string
		err := db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, bucket *bbolt.Bucket) error {
				path := hex.EncodeToString(name)
				lines = append(lines, fmt.Sprintf("%s bucket %d", path, bucket.Sequence()))
				return dump(bucket, path+"/", &lines)
			})
		})
		return strings.Join(lines, ","), err
	case "update": // operations, with a comma between them
		return "", db.Update(func(tx *bbolt.Tx) error {
			for _, operation := range strings.Split(rest, ",") {
				if err := perform(tx, strings.Split(operation, " ")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return measured(db, line)
}

// Answers a command of the benchmarks with the nanoseconds that it took.
func measured(db *bbolt.DB, line string) (string, error) {
	var command string
	var count, size int
	if _, err := fmt.Sscan(line, &command, &count, &size); err != nil {
		return "", fmt.Errorf("unknown command %q", line)
	}
	started := time.Now()
	var err error
	switch command {
	case "fill": // so many keys with values of a size, 10,000 in a transaction
		for first := 0; first < count && err == nil; first += 10000 {
			err = db.Update(func(tx *bbolt.Tx) error {
				bucket := buckets(tx, [][]byte{[]byte("wide")})
				bucket.FillPercent = 0.9
				for number := first; number < first+10000 && number < count; number++ {
					if err := bucket.Put([]byte(fmt.Sprintf("k%07d", number)), make([]byte, size)); err != nil {
						return err
					}
				}
				return nil
			})
		}
	case "page": // so many keys with values from a number on
		err = db.View(func(tx *bbolt.Tx) error {
			cursor := tx.Bucket([]byte("wide")).Cursor()
			key, value := cursor.Seek([]byte(fmt.Sprintf("k%07d", size)))
			for read := 0; read < count && key != nil; read++ {
				_ = append([]byte(nil), value...)
				key, value = cursor.Next()
			}
			return nil
		})
	case "writes": // so many transactions of one key
		for number := 0; number < count && err == nil; number++ {
			err = db.Update(func(tx *bbolt.Tx) error {
				key := []byte(fmt.Sprintf("k%07d", number*991))
				return tx.Bucket([]byte("wide")).Put(key, make([]byte, size))
			})
		}
	default:
		return "", fmt.Errorf("unknown command %q", line)
	}
	return fmt.Sprint(time.Since(started).Nanoseconds()), err
}

// Opens the file of the first argument; "nosync" as the second one does not write the freelist, a number is a page size.
func main() {
	options := &bbolt.Options{Timeout: 10 * time.Second, FreelistType: bbolt.FreelistMapType}
	for _, option := range os.Args[2:] {
		if option == "nosync" {
			options.NoFreelistSync = true
		} else if _, err := fmt.Sscan(option, &options.PageSize); err != nil {
			panic(err)
		}
	}
	db, err := bbolt.Open(os.Args[1], 0600, options)
	if err != nil {
		panic(err)
	}
	fmt.Println("open")
	input := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := input.ReadString('\n')
		if err != nil {
			break
		}
		found, err := answer(db, strings.TrimSpace(line))
		if err != nil {
			found = "error: " + err.Error()
		}
		fmt.Println(found)
	}
	if err := db.Close(); err != nil {
		panic(err)
	}
}
