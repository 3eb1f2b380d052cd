module github.com/aurora-push/aurora/bench

go 1.26.0

require (
	github.com/aurora-push/aurora v0.0.0
	github.com/sideshow/apns2 v0.25.0
)

require (
	github.com/golang-jwt/jwt/v4 v4.4.1 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/net v0.62.0 // indirect
	golang.org/x/text v0.43.0 // indirect
	software.sslmate.com/src/go-pkcs12 v0.7.4 // indirect
)

replace github.com/aurora-push/aurora => ../
