package apns_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/aurora-push/aurora/apns"
)

func ExampleClient_Push() {
	data, err := os.ReadFile("push.p12")
	if err != nil {
		log.Fatal(err)
	}
	certificate, err := apns.ReadP12(data, "password")
	if err != nil {
		log.Fatal(err) // says what is wrong with the file and what to do
	}
	client, err := apns.NewClient(apns.Config{URL: apns.Production, Certificate: certificate})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	payload := apns.Payload{Alert: apns.Alert{Title: "Aurora", Body: "Hello"}}
	body, err := payload.Build(apns.PushAlert)
	if err != nil {
		log.Fatal(err)
	}
	result := client.Push(context.Background(), &apns.Notification{
		Token: "740f4707bebcf74f9b7c25d48e3358945f6aa01da5ddb387462c7eaf61bb78ad", Topic: certificate.Topic,
		PushType: apns.PushAlert, Priority: 10, Payload: body,
	})
	switch {
	case result.Accepted():
	case result.Class() == apns.ClassToken:
		fmt.Println("forget this token, unless it was registered after", result.Timestamp)
	default:
		fmt.Println(result.Status, result.Reason, result.Err)
	}
}

func ExamplePayload_Build() {
	badge := 3
	payload := apns.Payload{Alert: apns.Alert{Title: "Aurora", Body: "Hello"}, Badge: &badge, Custom: map[string]any{"order": 17}}
	body, err := payload.Build(apns.PushAlert)
	fmt.Println(string(body), err)
	// Output: {"aps":{"alert":{"title":"Aurora","body":"Hello"},"badge":3},"order":17} <nil>
}
