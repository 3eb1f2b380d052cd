package main

// differences names the cases that cannot pass with a client for a reason that
// lies in the client, with the reason: "client case".
var differences = map[string]string{}
