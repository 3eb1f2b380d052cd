package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// jpushHosts are the names that JPush's clients have built in.
var jpushHosts = []string{"api.jpush.cn", "device.jpush.cn", "report.jpush.cn", "admin.jpush.cn", "bjapi.push.jiguang.cn"}

// insideMark tells the program that it runs in namespaces of its own, and where
// the certificate of JPush's names is.
const insideMark = "CONFORMANCE_CERT"

// inside reports whether JPush's names lead to this Aurora.
func inside() bool { return os.Getenv(insideMark) != "" }

// goInside runs the program again in a mount and a network namespace of its own.
// There JPush's names are this machine's loopback, so that clients without an
// option for their server run unmodified, and nothing can leave the machine. The
// machine's own /etc/hosts stays as it is.
func goInside(ctx context.Context, aurora, build string) (started bool, err error) {
	unshare := []string{"unshare", "--mount", "--net"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--map-root-user")
	}
	if err := exec.CommandContext(ctx, unshare[0], append(unshare[1:], "--", "ip", "link", "set", "lo", "up")...).Run(); err != nil {
		return false, nil
	}
	cert := filepath.Join(build, "cert")
	if out, err := exec.CommandContext(ctx, aurora, "jpush-cert", "--out", cert, "--name", "127.0.0.1,localhost").CombinedOutput(); err != nil {
		return false, fmt.Errorf("aurora jpush-cert: %w: %s", err, out)
	}
	if err := trustStore(ctx, cert); err != nil {
		return false, err
	}
	hosts := "127.0.0.1 localhost\n127.0.0.1 " + strings.Join(jpushHosts, " ") + "\n"
	if err := os.WriteFile(filepath.Join(cert, "hosts"), []byte(hosts), 0o644); err != nil {
		return false, err
	}
	self, err := os.Executable()
	if err != nil {
		return false, err
	}
	const script = `ip link set lo up && mount --bind "$1" /etc/hosts && shift && exec "$@"`
	arguments := append(unshare[1:], "--", "sh", "-c", script, "sh", filepath.Join(cert, "hosts"), self)
	c := exec.CommandContext(ctx, unshare[0], append(arguments, os.Args[1:]...)...)
	ca := filepath.Join(cert, "ca.pem")
	c.Env = append(os.Environ(), insideMark+"="+cert, "AURORA_PROGRAM="+aurora,
		"SSL_CERT_FILE="+ca, "REQUESTS_CA_BUNDLE="+ca, "NODE_EXTRA_CA_CERTS="+ca,
		"JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore="+filepath.Join(cert, "trust.p12")+" -Djavax.net.ssl.trustStorePassword=changeit")
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	return true, c.Run()
}

// trustStore makes the CA's file for Java, which takes no PEM.
func trustStore(ctx context.Context, cert string) error {
	if _, err := exec.LookPath("keytool"); err != nil {
		return nil // then there is no Java either
	}
	store := filepath.Join(cert, "trust.p12")
	if _, err := os.Stat(store); err == nil {
		return nil // the CA is used again as well
	}
	return command(ctx, ".", "keytool", "-importcert", "-noprompt", "-alias", "aurora", "-storetype", "PKCS12", "-storepass", "changeit",
		"-file", filepath.Join(cert, "ca.pem"), "-keystore", store)
}
