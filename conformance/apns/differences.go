package main

// All of these are theirs: the frames on the wire were looked at; for curlLate, what the local APNs recorded.
var knownDifferences = []known{
	{"apns2", "wrong environment", "the reason is lost", goTransport},
	{"apns2", "wrong environment", "was still busy", goTransport},
	{"apns2", "wrong environment", "connections for one push", goTransport},
	{"curl", "wrong environment", "the reason is lost", "Theirs: libcurl drops the debug data of GOAWAY."},
	{"curl", "GOAWAY in a run", "failed at first", curlLate},
	{"curl", "GOAWAY, some unread", "failed at first", curlLate},
	{"node-apn", "wrong environment", "the reason is lost", "Theirs: node-apn does not look at the debug data of GOAWAY."},
	{"pushy", "wrong environment", "the reason is lost", "Theirs: pushy writes the debug data of GOAWAY to its log only."},
	{"node-apn", "GOAWAY in a run", "failed at first", nodeQueue},
	{"node-apn", "GOAWAY, some unread", "failed at first", nodeQueue},
	{"pushy", "GOAWAY in a run", "failed at first", pushyQueue},
	{"pushy", "GOAWAY, some unread", "failed at first", pushyQueue},
	{"pushy", "GOAWAY in a run", "were accepted twice", pushyTwice},
	{"pushy", "GOAWAY, some unread", "were accepted twice", pushyTwice},
}

const (
	goTransport = "Theirs: Go's HTTP/2 transport drops the debug data of GOAWAY and, as nothing was processed, tries again on new connections, up to seven times with growing waits."
	curlLate    = "Theirs, in about one run of twenty-five: a request that libcurl 7.88 hands to a connection whose GOAWAY has just come fails with its framing error; APNs has not seen it, and sent again it arrives."
	nodeQueue   = "Theirs: what waits in node's HTTP/2 session for a free stream fails with the session; the next push opens another."
	pushyQueue  = "Theirs: what waits in pushy's connection for a free stream fails at GOAWAY (pushy #1025); the next push opens another connection."
	pushyTwice  = "Theirs: pushy fails pushes up to last-stream-id at GOAWAY as well, although their answers still come; sent again, they are delivered twice."
)
