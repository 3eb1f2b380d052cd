// Command client drives github.com/sideshow/apns2 through a job file of the
// conformance run and prints a line for each result. The authority of the
// local APNs comes from SSL_CERT_FILE.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/sideshow/apns2"
	"github.com/sideshow/apns2/certificate"
	"github.com/sideshow/apns2/token"
)

const goroutines = 100

func main() {
	host, client, notifications := read(os.Args[1])
	client.Host = host
	all := make([]int, len(notifications))
	for i := range all {
		all[i] = i
	}
	send(client, notifications, send(client, notifications, all))
}

// send pushes the notifications with these numbers and returns the numbers of
// those that got no answer.
func send(client *apns2.Client, list []*apns2.Notification, numbers []int) (unanswered []int) {
	var mu sync.Mutex
	var sending sync.WaitGroup
	slots := make(chan struct{}, goroutines)
	for _, i := range numbers {
		slots <- struct{}{}
		sending.Go(func() {
			response, err := client.Push(list[i])
			mu.Lock()
			fmt.Println(format(i, response, err))
			if err != nil {
				unanswered = append(unanswered, i)
			}
			mu.Unlock()
			<-slots
		})
	}
	sending.Wait()
	return unanswered
}

func format(i int, r *apns2.Response, err error) string {
	if err != nil {
		return fmt.Sprintf("result\t%d\t0\t\t0\t\t\t%s", i, strings.Join(strings.Fields(err.Error()), " "))
	}
	timestamp := int64(0)
	if !r.Timestamp.IsZero() {
		timestamp = r.Timestamp.UnixMilli()
	}
	return fmt.Sprintf("result\t%d\t%d\t%s\t%d\t%s\t%s\t", i, r.StatusCode, r.Reason, timestamp, r.ApnsID, r.ApnsUniqueID)
}

func read(job string) (host string, client *apns2.Client, list []*apns2.Notification) {
	file, err := os.Open(job)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		switch f[0] {
		case "gateway":
			host = "https://" + f[1] + ":" + f[2]
		case "p12":
			c, err := certificate.FromP12File(f[1], f[2])
			if err != nil {
				log.Fatal(err)
			}
			client = apns2.NewClient(c)
		case "p8":
			key, err := token.AuthKeyFromFile(f[1])
			if err != nil {
				log.Fatal(err)
			}
			client = apns2.NewTokenClient(&token.Token{AuthKey: key, KeyID: f[2], TeamID: f[3]})
		case "push":
			list = append(list, notification(f[1:]))
		}
	}
	return host, client, list
}

func notification(f []string) *apns2.Notification {
	n := &apns2.Notification{ApnsID: f[0], DeviceToken: f[1], Topic: f[2], PushType: apns2.EPushType(f[3]), CollapseID: f[6], Payload: []byte(f[7])}
	n.Priority, _ = strconv.Atoi(f[4])
	if seconds, _ := strconv.ParseInt(f[5], 10, 64); seconds != 0 {
		n.Expiration = time.Unix(seconds, 0)
	}
	return n
}
