package device_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aurora-push/aurora/device"
)

// What an app does with the SDK, from its launch to a tapped notification.
func Example() {
	plist, err := os.ReadFile("PushConfig.plist")
	if err != nil {
		fmt.Println(err)
		return
	}
	config, err := device.ParseConfig(plist)
	if err != nil {
		fmt.Println(err) // names the key and what to write there
		return
	}
	client, err := device.New(device.Options{
		Config:     config,
		BundleID:   "com.example.shop",
		AppVersion: "1.2",
		Store:      device.FileStore{Path: "device.json"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	client.Start()

	client.RegisterDeviceToken([]byte{0xde, 0xad, 0xbe, 0xef}) // from the system
	if err := client.SetAlias("ann"); err != nil {
		fmt.Println(err)
	}
	if err := client.AddTags("vip"); err != nil {
		fmt.Println(err)
	}
	client.HandleOpened([]byte(`{"aps":{"alert":"Hello"},"_j_msgid":58512043210007}`))

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := client.Sync(ctx); err != nil {
		fmt.Println(err)
	}
	if err := client.Close(ctx); err != nil {
		fmt.Println(err)
	}
}
