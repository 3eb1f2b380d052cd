module github.com/aurora-push/aurora/conformance/jpush

go 1.26.0

require github.com/aurora-push/aurora v0.0.0

replace github.com/aurora-push/aurora => ../..
