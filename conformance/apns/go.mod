module github.com/aurora-push/aurora/conformance/apns

go 1.26.0
