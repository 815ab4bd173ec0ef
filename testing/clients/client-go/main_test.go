// Package clientgo holds a Kubernetes-style API server to what client-go and
// the controllers made with it rely on. The server is the one of $KUBECONFIG:
// ours and a real kube-apiserver are held to the same.
//
// The program of these tests is run by testing/e2e. It asks for a restart of
// the server with the line RESTART on its output and waits for one on its
// input; without GRANGE_CLIENTS_RESTART it leaves that test out.
package clientgo

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// How long anything may take that is waited for. Real garbage collection needs
// half a minute until it knows a new kind.
const patience = 120 * time.Second

var (
	configMaps = corev1.SchemeGroupVersion.WithResource("configmaps")
	widgets    = schema.GroupVersionResource{Group: "clients.example", Version: "v1", Resource: "widgets"}
	crds       = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
)

// server is a client of every sort for one server.
type server struct {
	config  *rest.Config
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	// A namespace of the test's own.
	namespace string
}

// connect gives clients without their own rate limit, in a new namespace.
func connect(t *testing.T) *server {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	check(t, err)
	config.QPS = -1
	s := clients(t, config)
	namespace, err := s.typed.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "client-go-"},
	}, metav1.CreateOptions{})
	check(t, err)
	s.namespace = namespace.Name
	return s
}

func clients(t *testing.T, config *rest.Config) *server {
	t.Helper()
	typed, err := kubernetes.NewForConfig(config)
	check(t, err)
	untyped, err := dynamic.NewForConfig(config)
	check(t, err)
	return &server{config: config, typed: typed, dynamic: untyped}
}

// as gives clients of the same server and namespace with another configuration.
func (s *server) as(t *testing.T, change func(*rest.Config)) *server {
	t.Helper()
	config := rest.CopyConfig(s.config)
	change(config)
	other := clients(t, config)
	other.namespace = s.namespace
	return other
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect ends the test unless err is of a kind.
func expect(t *testing.T, is func(error) bool, err error, words ...string) {
	t.Helper()
	if err == nil || !is(err) {
		t.Fatalf("not the error that was to come: %v", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Fatalf("the error says nothing of %q: %v", word, err)
		}
	}
}

// eventually looks until it holds; the context ends then, or with patience.
func eventually(t *testing.T, what string, holds func() (bool, error)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		done, err := holds()
		if done && err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s: %v", patience, what, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
}

func widget(name string, size int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "clients.example/v1",
		"kind":       "Widget",
		"metadata":   map[string]any{"name": name},
		"spec":       map[string]any{"size": size, "shape": "round"},
	}}
}

func ownedBy(owner metav1.Object, kind schema.GroupVersionKind) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(owner, kind)}
}

var defineWidgets sync.Once

// withWidgets makes sure that the kind Widget is served.
func (s *server) withWidgets(t *testing.T) *server {
	t.Helper()
	defineWidgets.Do(func() {
		text := map[string]any{"type": "string"}
		number := map[string]any{"type": "integer", "format": "int32"}
		_, err := s.dynamic.Resource(crds).Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apiextensions.k8s.io/v1",
			"kind":       "CustomResourceDefinition",
			"metadata":   map[string]any{"name": "widgets.clients.example"},
			"spec": map[string]any{
				"group": "clients.example",
				"scope": "Namespaced",
				"names": map[string]any{"kind": "Widget", "plural": "widgets", "shortNames": []any{"wdg"}, "categories": []any{"all"}},
				"versions": []any{map[string]any{
					"name": "v1", "served": true, "storage": true,
					"subresources": map[string]any{
						"status": map[string]any{},
						"scale":  map[string]any{"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.made"},
					},
					"selectableFields": []any{map[string]any{"jsonPath": ".spec.shape"}},
					"schema": map[string]any{"openAPIV3Schema": map[string]any{
						"type": "object",
						"properties": map[string]any{
							"spec": map[string]any{"type": "object", "properties": map[string]any{
								"size": number, "shape": text,
							}},
							"status": map[string]any{"type": "object", "properties": map[string]any{
								"made": number, "phase": text,
							}},
						},
					}},
				}},
			},
		}}, metav1.CreateOptions{})
		if !apierrors.IsAlreadyExists(err) {
			check(t, err)
		}
	})
	eventually(t, "Widgets to be served", func() (bool, error) {
		_, err := s.widgets().List(t.Context(), metav1.ListOptions{})
		return err == nil, err
	})
	return s
}

func (s *server) widgets() dynamic.ResourceInterface {
	return s.dynamic.Resource(widgets).Namespace(s.namespace)
}

var input = bufio.NewReader(os.Stdin)

// restart has the server killed and started again.
func restart(t *testing.T) {
	t.Helper()
	if os.Getenv("GRANGE_CLIENTS_RESTART") == "" {
		t.Skip("nobody is there to restart the server")
	}
	fmt.Println("\nRESTART")
	_, err := input.ReadString('\n')
	check(t, err)
}

// background gives a context that ends with the test.
func background(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx
}

func mergePatch(text string) (types.PatchType, []byte) {
	return types.MergePatchType, []byte(text)
}
