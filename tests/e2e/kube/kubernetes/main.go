// Command kubernetes is every Kubernetes program that the end-to-end tests run, in one binary: most of their code
// is the same, so one is built in half the time and a third of the space. The name it is called by chooses.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

// command builds only the chosen program's command: each of them registers flags and feature gates of its own.
func command(program string) *cobra.Command {
	switch program {
	case "kube-apiserver":
		return apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		return controllers.NewControllerManagerCommand()
	case "kube-scheduler":
		return scheduler.NewSchedulerCommand()
	case "kubelet":
		return kubelet.NewKubeletCommand(context.Background())
	case "kubectl":
		return kubectl.NewDefaultKubectlCommand()
	}
	return nil
}

func main() {
	program := filepath.Base(os.Args[0])
	if program == "etcd" {
		etcdmain.Main(os.Args)
		return
	}
	chosen := command(program)
	if chosen == nil {
		fmt.Fprintf(os.Stderr, "start %s: not a program in here (call it by a link named etcd, kube-apiserver, "+
			"kube-controller-manager, kube-scheduler, kubelet or kubectl)\n", program)
		os.Exit(2)
	}
	os.Exit(cli.Run(chosen))
}
