package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// keepAlive is one HTTP/1.1 connection of a load generator. net/http's client
// takes more CPU than Aurora needs for a push; this one writes what a simple
// client would write, and reads no more of the answer than it must.
type keepAlive struct {
	conn    net.Conn
	answers *bufio.Reader
	head    string // of every request, up to the path and after it
	out     []byte
}

func dialKeepAlive(address, user, password string) (*keepAlive, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	basic := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	head := " HTTP/1.1\r\nHost: " + address + "\r\nAuthorization: Basic " + basic + "\r\nContent-Type: application/json\r\nContent-Length: "
	return &keepAlive{conn: conn, answers: bufio.NewReaderSize(conn, 4096), head: head}, nil
}

func (c *keepAlive) close() { c.conn.Close() }

// exchange sends a body and reads the answer, which must be a 200.
func (c *keepAlive) exchange(path string, body []byte) (answer []byte, err error) {
	c.out = append(append(append(c.out[:0], "POST "...), path...), c.head...)
	c.out = strconv.AppendInt(c.out, int64(len(body)), 10)
	c.out = append(append(c.out, "\r\n\r\n"...), body...)
	c.conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := c.conn.Write(c.out); err != nil {
		return nil, err
	}
	status, length := "", 0
	for {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if status == "" {
			status = string(line)
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.Atoi(string(value)); err != nil {
				return nil, err
			}
		}
	}
	answer = make([]byte, length)
	if _, err := io.ReadFull(c.answers, answer); err != nil {
		return nil, err
	}
	if status != "HTTP/1.1 200 OK" {
		return answer, fmt.Errorf("%s: %s", status, answer)
	}
	return answer, nil
}
