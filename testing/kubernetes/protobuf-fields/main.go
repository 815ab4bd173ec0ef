// Command protobuf-fields prints, for every kind of the built-in API groups
// that clients may send as protobuf, which field number is which JSON field.
// Its output is crates/apiserver/src/protobuf/fields.txt; run it again when
// the version of Kubernetes in go.mod changes:
//
//	go run ./protobuf-fields > ../../crates/apiserver/src/protobuf/fields.txt
//
// One line is one message: its name, a tab, then its fields as
// number=name:type, separated by spaces. Types: s string, b bytes, t bool,
// i integer, d double, T Time, M MicroTime, U Duration, Q Quantity,
// I IntOrString, R RawExtension, V FieldsV1, or the name of a message; before
// them [] for a list, {} for a map with string keys, and ? where a zero value
// is left out of JSON. A field without a name has its fields in its parent.
package main

import (
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	apps "k8s.io/api/apps/v1"
	authentication "k8s.io/api/authentication/v1"
	authorization "k8s.io/api/authorization/v1"
	autoscaling "k8s.io/api/autoscaling/v1"
	batch "k8s.io/api/batch/v1"
	coordination "k8s.io/api/coordination/v1"
	core "k8s.io/api/core/v1"
	discovery "k8s.io/api/discovery/v1"
	events "k8s.io/api/events/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	rbac "k8s.io/api/rbac/v1"
	scheduling "k8s.io/api/scheduling/v1"
	storage "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

var kinds = []any{
	core.ConfigMap{}, core.Secret{}, core.ServiceAccount{}, core.Namespace{}, core.Event{}, core.Pod{}, core.Node{},
	core.Service{}, core.Endpoints{}, core.PersistentVolume{}, core.PersistentVolumeClaim{}, core.ResourceQuota{},
	core.LimitRange{}, core.Binding{},
	apps.Deployment{}, apps.StatefulSet{}, apps.DaemonSet{}, apps.ReplicaSet{}, apps.ControllerRevision{},
	batch.Job{}, batch.CronJob{}, coordination.Lease{}, discovery.EndpointSlice{}, events.Event{},
	autoscaling.Scale{}, networking.Ingress{}, networking.NetworkPolicy{}, networking.IngressClass{},
	policy.PodDisruptionBudget{}, policy.Eviction{}, scheduling.PriorityClass{}, storage.StorageClass{},
	storage.VolumeAttachment{},
	rbac.Role{}, rbac.ClusterRole{}, rbac.RoleBinding{}, rbac.ClusterRoleBinding{},
	authentication.TokenReview{}, authentication.TokenRequest{}, authentication.SelfSubjectReview{},
	authorization.SubjectAccessReview{}, authorization.LocalSubjectAccessReview{},
	authorization.SelfSubjectAccessReview{}, authorization.SelfSubjectRulesReview{},
	meta.DeleteOptions{},
}

var special = map[reflect.Type]string{
	reflect.TypeFor[meta.Time]():            "T",
	reflect.TypeFor[meta.MicroTime]():       "M",
	reflect.TypeFor[meta.Duration]():        "U",
	reflect.TypeFor[resource.Quantity]():    "Q",
	reflect.TypeFor[intstr.IntOrString]():   "I",
	reflect.TypeFor[runtime.RawExtension](): "R",
	reflect.TypeFor[meta.FieldsV1]():        "V",
}

var lines = map[string]string{}

func name(t reflect.Type) string {
	path := strings.Split(t.PkgPath(), "/")
	group := path[len(path)-2]
	return group + "." + t.Name()
}

func kind(t reflect.Type) string {
	if s, ok := special[t]; ok {
		return s
	}
	switch t.Kind() {
	case reflect.Pointer:
		return kind(t.Elem())
	case reflect.String:
		return "s"
	case reflect.Bool:
		return "t"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return "i"
	case reflect.Float64:
		return "d"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "b"
		}
		return "[]" + kind(t.Elem())
	case reflect.Map:
		return "{}" + kind(t.Elem())
	case reflect.Struct:
		walk(t)
		return name(t)
	}
	fmt.Fprintln(os.Stderr, "unknown type", t)
	os.Exit(1)
	return ""
}

func walk(t reflect.Type) {
	n := name(t)
	if _, ok := lines[n]; ok {
		return
	}
	lines[n] = ""
	var fields []string
	for i := range t.NumField() {
		field := t.Field(i)
		proto, ok := field.Tag.Lookup("protobuf")
		if !ok || proto == "-" {
			continue
		}
		number := strings.Split(proto, ",")[1]
		json, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if json == "-" {
			continue
		}
		if json == "" && !strings.Contains(options, "inline") {
			json = field.Name
		}
		omit := ""
		if field.Type.Kind() != reflect.Pointer && strings.Contains(options, "omit") {
			omit = "?"
		}
		fields = append(fields, fmt.Sprintf("%s=%s:%s%s", number, json, omit, kind(field.Type)))
	}
	lines[n] = strings.Join(fields, " ")
}

func main() {
	for _, object := range kinds {
		walk(reflect.TypeOf(object))
	}
	var names []string
	for n := range lines {
		names = append(names, n)
	}
	sort.Strings(names)
	for _, n := range names {
		fmt.Printf("%s\t%s\n", n, lines[n])
	}
}
