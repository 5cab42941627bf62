// Command csi-node-driver-registrar stands in for the program of that name, whose module cannot be had everywhere:
// it asks a driver for its name and tells the kubelet where the driver's socket is. Its flags are upstream's.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// The kubelet's answer is kept in this file beside the driver's socket, for the probe that runs as a second process.
const answerFile = "registration"

type options struct {
	driver, kubeletPath, registrationDir, http, mode string
	timeout                                          time.Duration
}

// server is what the kubelet finds behind the registration socket.
type server struct {
	registration.UnimplementedRegistrationServer
	name, endpoint, answer string
}

func (s *server) GetInfo(context.Context, *registration.InfoRequest) (*registration.PluginInfo, error) {
	return &registration.PluginInfo{
		Type: registration.CSIPlugin, Name: s.name, Endpoint: s.endpoint, SupportedVersions: []string{"1.0.0"},
	}, nil
}

func (s *server) NotifyRegistrationStatus(
	_ context.Context, status *registration.RegistrationStatus,
) (*registration.RegistrationStatusResponse, error) {
	if !status.PluginRegistered {
		// The kubelet does not ask again: the container's next start is the next try.
		log.Fatalf("register %s: the kubelet refused: %s", s.name, status.Error)
	}
	log.Printf("register %s: the kubelet knows it", s.name)
	if err := os.WriteFile(s.answer, nil, 0o600); err != nil {
		log.Printf("write %s: %v", s.answer, err)
	}
	return &registration.RegistrationStatusResponse{}, nil
}

func parse() options {
	var o options
	flag.StringVar(&o.driver, "csi-address", "/run/csi/socket", "the driver's socket, as seen here")
	flag.StringVar(&o.kubeletPath, "kubelet-registration-path", "", "the driver's socket, as the kubelet sees it")
	flag.StringVar(&o.registrationDir, "plugin-registration-path", "/registration", "where the kubelet looks")
	flag.StringVar(&o.http, "http-endpoint", "", "address of /healthz")
	flag.StringVar(&o.mode, "mode", "registration", "registration or kubelet-registration-probe")
	flag.DurationVar(&o.timeout, "timeout", time.Second, "of one call to the driver")
	for _, name := range []string{"v", "logging-format", "operation-timeout", "enable-pprof", "automaxprocs"} {
		flag.String(name, "", "accepted, has no effect here")
	}
	flag.Parse()
	return o
}

// driverName waits for the driver: it starts beside us, in any order.
func driverName(o options) (string, error) {
	connection, err := grpc.NewClient("unix:"+o.driver, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	for {
		ctx, cancel := context.WithTimeout(context.Background(), o.timeout)
		info, err := csi.NewIdentityClient(connection).GetPluginInfo(ctx, &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
		cancel()
		if err == nil {
			return info.Name, nil
		}
		log.Printf("GetPluginInfo %s: %v", o.driver, err)
		time.Sleep(200 * time.Millisecond)
	}
}

func serveHealth(address, socket string) {
	http.HandleFunc("/healthz", func(writer http.ResponseWriter, _ *http.Request) {
		if _, err := os.Stat(socket); err != nil {
			http.Error(writer, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(writer, "ok")
	})
	log.Fatal(http.ListenAndServe(address, nil))
}

func serve(o options) error {
	name, err := driverName(o)
	if err != nil {
		return err
	}
	socket := filepath.Join(o.registrationDir, name+"-reg.sock")
	if err := os.Remove(socket); err != nil && !os.IsNotExist(err) {
		return err
	}
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	if o.http != "" {
		go serveHealth(o.http, socket)
	}
	answer := filepath.Join(filepath.Dir(o.driver), answerFile)
	os.Remove(answer)
	served := grpc.NewServer()
	registration.RegisterRegistrationServer(served, &server{name: name, endpoint: o.kubeletPath, answer: answer})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-signals
		served.Stop() // closes the listener, and with it the socket's file goes
	}()
	return served.Serve(listener)
}

func main() {
	o := parse()
	if o.mode == "kubelet-registration-probe" {
		if _, err := os.Stat(filepath.Join(filepath.Dir(o.kubeletPath), answerFile)); err != nil {
			log.Fatalf("probe: the kubelet has not registered the driver: %v", err)
		}
		return
	}
	if err := serve(o); err != nil {
		log.Fatalf("serve the kubelet: %v", err)
	}
}
