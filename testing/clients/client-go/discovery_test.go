package clientgo

import (
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/openapi"
	"k8s.io/client-go/restmapper"
)

func TestDiscovery(t *testing.T) {
	s := connect(t).withWidgets(t)
	for _, legacy := range []bool{false, true} {
		client, err := discovery.NewDiscoveryClientForConfig(s.config)
		check(t, err)
		client.UseLegacyDiscovery = legacy
		version, err := client.ServerVersion()
		check(t, err)
		if version.Major != "1" {
			t.Fatalf("version %v", version)
		}
		groups, _, err := client.ServerGroupsAndResources()
		check(t, err)
		for _, name := range []string{"", "authorization.k8s.io", "clients.example", "coordination.k8s.io"} {
			if !slices.ContainsFunc(groups, func(group *metav1.APIGroup) bool { return group.Name == name }) {
				t.Errorf("the group %q is missing", name)
			}
		}
		preferred, err := client.ServerPreferredNamespacedResources()
		check(t, err)
		// As the namespace controller and `kubectl delete --all` choose.
		deletable := discovery.FilteredBy(discovery.SupportsAllVerbs{Verbs: []string{"list", "delete"}}, preferred)
		if found, err := discovery.GroupVersionResources(deletable); err != nil {
			t.Fatal(err)
		} else if _, ok := found[widgets]; !ok {
			t.Errorf("Widgets are not deletable: %v", found)
		}

		mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client))
		mapping, err := mapper.RESTMapping(schema.GroupKind{Group: "clients.example", Kind: "Widget"})
		check(t, err)
		if mapping.Resource != widgets || mapping.Scope.Name() != "namespace" {
			t.Errorf("Widget is mapped to %v", mapping)
		}
		short, err := restmapper.NewShortcutExpander(mapper, client, nil).ResourceFor(schema.GroupVersionResource{Resource: "wdg"})
		check(t, err)
		if short != widgets {
			t.Errorf("wdg is %v", short)
		}
		all, ok := restmapper.NewDiscoveryCategoryExpander(client).Expand("all")
		if !ok || !slices.Contains(all, widgets.GroupResource()) {
			t.Errorf("the category all is %v", all)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	s := connect(t).withWidgets(t)
	client := s.typed.Discovery()
	// Asked for as protobuf.
	document, err := client.OpenAPISchema()
	check(t, err)
	definitions := document.GetDefinitions().GetAdditionalProperties()
	if len(definitions) == 0 || len(document.GetPaths().GetPath()) == 0 {
		t.Error("the second version of the description is empty")
	}
	eventually(t, "Widget to be described", func() (bool, error) {
		paths, err := openapi.NewClient(client.RESTClient()).Paths()
		if err != nil || paths["apis/clients.example/v1"] == nil {
			return false, err
		}
		schema, err := paths["apis/clients.example/v1"].Schema("application/json")
		return strings.Contains(string(schema), "example.clients.v1.Widget"), err
	})
}
