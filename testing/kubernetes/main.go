// Command kubernetes is a real Kubernetes control plane in one program, for
// tests that must not take our own word for what a cluster does.
//
// It is a multi-call program: the part is named by the first argument
// (`kubernetes kube-apiserver --flag …`) or by the name it is called under (a
// link named kubectl). One program instead of four because the parts share
// nearly all of their code: it is linked once, and is a third of the size.
//
// With --until-stdin-closes before the name of the part, the process ends as
// soon as its standard input does: a test that holds the other end of a pipe
// leaves nothing running, in whatever way it ends, SIGKILL included.
//
// It holds no behaviour of its own: each part below is what the `main` of the
// released program does, so that what a test sees is what a cluster does.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"

	// Registered by importing: --logging-format=json, and the metrics that
	// every released Kubernetes program serves under /metrics.
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// parts are the programs in here by the names they are known under. Each
// reads os.Args, and returns its exit status.
var parts = map[string]func() int{
	"kube-apiserver": func() int {
		return cli.Run(apiserver.NewAPIServerCommand())
	},
	"kube-controller-manager": func() int {
		return cli.Run(controllers.NewControllerManagerCommand())
	},
	// kubectl words its errors itself: with cli.Run each would be there twice.
	"kubectl": func() int {
		if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
			util.CheckErr(err) // prints, and exits with the status of that error
			return 1
		}
		return 0
	},
	"rbac": decideRBAC,
	// etcd ends the process itself when it fails.
	"etcd": func() int {
		etcdmain.Main(os.Args)
		return 0
	},
}

// untilStdinCloses is the one flag of ours.
const untilStdinCloses = "--until-stdin-closes"

func main() {
	// Called under the name of a part: everything behind it is the part's.
	if part, ok := parts[filepath.Base(os.Args[0])]; ok {
		os.Exit(part())
	}

	arguments := os.Args[1:]
	if len(arguments) > 0 && arguments[0] == untilStdinCloses {
		arguments = arguments[1:]
		go func() {
			io.Copy(io.Discard, os.Stdin)
			// At once and without a word to anyone: whoever wanted an orderly
			// end would have sent SIGTERM.
			os.Exit(1)
		}()
	}
	if len(arguments) == 0 {
		usage()
	}
	part, ok := parts[arguments[0]]
	if !ok {
		usage()
	}
	// The parts take os.Args[0] for their own name, and kubectl looks for its
	// plugins in the arguments behind it.
	os.Args = arguments
	os.Exit(part())
}

// usage says which parts there are and ends the process.
func usage() {
	names := make([]string, 0, len(parts))
	for name := range parts {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(os.Stderr, "usage: kubernetes [%s] PART [FLAG…]\nparts: %s\n", untilStdinCloses, strings.Join(names, ", "))
	os.Exit(2)
}
