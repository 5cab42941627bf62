// Command livenessprobe stands in for the program of that name, whose module cannot be had everywhere: GET /healthz
// is answered by the driver's own Identity.Probe. Its flags are upstream's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

type options struct {
	driver, port, http string
	timeout            time.Duration
}

func parse() options {
	var o options
	flag.StringVar(&o.driver, "csi-address", "/run/csi/socket", "the driver's socket")
	flag.StringVar(&o.port, "health-port", "9808", "port of /healthz on all addresses")
	flag.StringVar(&o.http, "http-endpoint", "", "address of /healthz; instead of --health-port")
	flag.DurationVar(&o.timeout, "probe-timeout", time.Second, "of one Probe")
	for _, name := range []string{"v", "logging-format", "metrics-address", "metrics-path", "automaxprocs"} {
		flag.String(name, "", "accepted, has no effect here")
	}
	flag.Parse()
	if o.http == "" {
		o.http = net.JoinHostPort("", o.port)
	}
	return o
}

// probe asks the driver; a driver that leaves `ready` out is ready, as the specification says.
func probe(ctx context.Context, driver csi.IdentityClient) error {
	answer, err := driver.Probe(ctx, &csi.ProbeRequest{})
	if err != nil {
		return err
	}
	if answer.GetReady() != nil && !answer.GetReady().GetValue() {
		return errors.New("the driver says that it is not ready")
	}
	return nil
}

func main() {
	o := parse()
	connection, err := grpc.NewClient("unix:"+o.driver, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatalf("connect to %s: %v", o.driver, err)
	}
	driver := csi.NewIdentityClient(connection)
	http.HandleFunc("/healthz", func(writer http.ResponseWriter, request *http.Request) {
		ctx, cancel := context.WithTimeout(request.Context(), o.timeout)
		defer cancel()
		if err := probe(ctx, driver); err != nil {
			log.Printf("Probe %s: %v", o.driver, err)
			http.Error(writer, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(writer, "ok")
	})
	log.Fatal(http.ListenAndServe(o.http, nil))
}
