package clientgo

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"
)

// Both ways in which typed clients speak.
var contentTypes = map[string]string{
	"json":     runtime.ContentTypeJSON,
	"protobuf": runtime.ContentTypeProtobuf,
}

func TestObjects(t *testing.T) {
	s := connect(t)
	for name, contentType := range contentTypes {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			typed := s.as(t, func(config *rest.Config) {
				config.ContentType = contentType
				// JSON as a second choice, as every client says that prefers protobuf.
				config.AcceptContentTypes = contentType + "," + runtime.ContentTypeJSON
			}).typed
			secrets := typed.CoreV1().Secrets(s.namespace)
			wanted := &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"a": "b"}},
				Type:       "example/type",
				StringData: map[string]string{"word": "grain"},
				Data:       map[string][]byte{"bytes": {0, 1, 255}},
			}
			made, err := secrets.Create(ctx, wanted, metav1.CreateOptions{})
			check(t, err)
			if string(made.Data["word"]) != "grain" || !bytes.Equal(made.Data["bytes"], []byte{0, 1, 255}) || made.UID == "" {
				t.Fatalf("made %v", made)
			}
			_, err = secrets.Create(ctx, wanted, metav1.CreateOptions{})
			expect(t, apierrors.IsAlreadyExists, err, name)
			_, err = secrets.Get(ctx, "missing", metav1.GetOptions{})
			expect(t, apierrors.IsNotFound, err, `secrets "missing" not found`)
			_, err = secrets.Create(ctx, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "Not A Name"}}, metav1.CreateOptions{})
			expect(t, apierrors.IsInvalid, err, "metadata.name")

			changed := made.DeepCopy()
			changed.Annotations = map[string]string{"note": "dry"}
			_, err = secrets.Update(ctx, changed, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}})
			check(t, err)
			changed.Annotations["note"] = "wet"
			updated, err := secrets.Update(ctx, changed, metav1.UpdateOptions{FieldManager: "miller"})
			check(t, err)
			if updated.Annotations["note"] != "wet" || updated.ResourceVersion == made.ResourceVersion {
				t.Fatalf("updated %v", updated)
			}
			if managers := updated.ManagedFields; len(managers) != 2 || managers[1].Manager != "miller" {
				t.Fatalf("managed by %v", managers)
			}
			_, err = secrets.Update(ctx, changed, metav1.UpdateOptions{})
			expect(t, apierrors.IsConflict, err, "the object has been modified")
			list, err := secrets.List(ctx, metav1.ListOptions{LabelSelector: "a=b", FieldSelector: "type=example/type,metadata.name=" + name})
			check(t, err)
			if len(list.Items) != 1 || list.ResourceVersion == "" || string(list.Items[0].Data["word"]) != "grain" {
				t.Fatalf("listed %v", list)
			}

			roles := typed.RbacV1().Roles(s.namespace)
			role, err := roles.Create(ctx, &rbacv1.Role{
				ObjectMeta: metav1.ObjectMeta{Name: name},
				Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get", "list"}}},
			}, metav1.CreateOptions{})
			check(t, err)
			if len(role.Rules) != 1 || len(role.Rules[0].Verbs) != 2 {
				t.Fatalf("made %v", role)
			}
		})
	}
}

// Many writers of one object, who read again when they lose.
func TestRetryOnConflict(t *testing.T) {
	const writers, times = 6, 5
	s := connect(t)
	maps := s.typed.CoreV1().ConfigMaps(s.namespace)
	_, err := maps.Create(t.Context(), configMap("counter", map[string]string{"count": "0"}), metav1.CreateOptions{})
	check(t, err)
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			backoff := retry.DefaultBackoff
			backoff.Steps = 1000
			for range times {
				if err := retry.RetryOnConflict(backoff, func() error {
					counter, err := maps.Get(context.Background(), "counter", metav1.GetOptions{})
					if err != nil {
						return err
					}
					count, _ := strconv.Atoi(counter.Data["count"])
					counter.Data["count"] = strconv.Itoa(count + 1)
					_, err = maps.Update(context.Background(), counter, metav1.UpdateOptions{})
					return err
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	counter, err := maps.Get(t.Context(), "counter", metav1.GetOptions{})
	check(t, err)
	if counter.Data["count"] != strconv.Itoa(writers*times) {
		t.Errorf("counted %s", counter.Data["count"])
	}
}

func TestPatches(t *testing.T) {
	s, ctx := connect(t), t.Context()
	accounts := s.typed.CoreV1().ServiceAccounts(s.namespace)
	_, err := accounts.Create(ctx, &corev1.ServiceAccount{
		ObjectMeta:       metav1.ObjectMeta{Name: "baker"},
		Secrets:          []corev1.ObjectReference{{Name: "flour"}},
		ImagePullSecrets: []corev1.LocalObjectReference{{Name: "yeast"}},
	}, metav1.CreateOptions{})
	check(t, err)
	for _, step := range []struct {
		kind           types.PatchType
		patch          string
		secrets, pulls string
	}{
		// A list with a key is merged, one without is replaced.
		{types.StrategicMergePatchType, `{"secrets":[{"name":"salt"}]}`, "[salt flour]", "[yeast]"},
		{types.StrategicMergePatchType, `{"imagePullSecrets":[{"name":"dough"}]}`, "[salt flour]", "[dough]"},
		{types.StrategicMergePatchType, `{"secrets":[{"$patch":"delete","name":"flour"}]}`, "[salt]", "[dough]"},
		{types.JSONPatchType, `[{"op":"add","path":"/secrets/-","value":{"name":"oil"}}]`, "[salt oil]", "[dough]"},
		{types.MergePatchType, `{"secrets":[{"name":"sugar"}]}`, "[sugar]", "[dough]"},
	} {
		account, err := accounts.Patch(ctx, "baker", step.kind, []byte(step.patch), metav1.PatchOptions{})
		check(t, err)
		var secrets, pulls []string
		for _, reference := range account.Secrets {
			secrets = append(secrets, reference.Name)
		}
		for _, reference := range account.ImagePullSecrets {
			pulls = append(pulls, reference.Name)
		}
		if fmt.Sprint(secrets) != step.secrets || fmt.Sprint(pulls) != step.pulls {
			t.Fatalf("after %s: %v, %v", step.patch, secrets, pulls)
		}
	}
	_, err = accounts.Patch(ctx, "baker", types.JSONPatchType, []byte(`[{"op":"test","path":"/metadata/name","value":"other"}]`), metav1.PatchOptions{})
	expect(t, apierrors.IsInvalid, err)
	_, err = accounts.Patch(ctx, "nobody", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{})
	expect(t, apierrors.IsNotFound, err)
}

func TestApply(t *testing.T) {
	s, ctx := connect(t).withWidgets(t), t.Context()
	maps := s.typed.CoreV1().ConfigMaps(s.namespace)
	options := func(manager string) metav1.ApplyOptions { return metav1.ApplyOptions{FieldManager: manager} }
	_, err := maps.Apply(ctx, applycorev1.ConfigMap("shared", s.namespace).WithData(map[string]string{"a": "1", "b": "1"}), options("first"))
	check(t, err)
	second := applycorev1.ConfigMap("shared", s.namespace).WithData(map[string]string{"b": "2", "c": "2"})
	_, err = maps.Apply(ctx, second, options("second"))
	expect(t, apierrors.IsConflict, err, `conflict with "first"`, ".data.b")
	forced := options("second")
	forced.Force = true
	applied, err := maps.Apply(ctx, second, forced)
	check(t, err)

	// Read back what is one's own, change it, apply it again.
	mine, err := applycorev1.ExtractConfigMap(applied, "first")
	check(t, err)
	if fmt.Sprint(mine.Data) != "map[a:1]" {
		t.Fatalf("the first manager has %v", mine.Data)
	}
	mine.WithLabels(map[string]string{"own": "yes"}).Data = map[string]string{"d": "1"}
	applied, err = maps.Apply(ctx, mine, options("first"))
	check(t, err)
	if fmt.Sprint(applied.Data) != "map[b:2 c:2 d:1]" || applied.Labels["own"] != "yes" {
		t.Fatalf("applied %v %v", applied.Data, applied.Labels)
	}

	// The dynamic client, and the status with a manager of its own.
	_, err = s.widgets().Apply(ctx, "one", widget("one", 3), options("first"))
	check(t, err)
	status := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "clients.example/v1", "kind": "Widget", "metadata": map[string]any{"name": "one"},
		"status": map[string]any{"phase": "Ready"},
	}}
	_, err = s.widgets().ApplyStatus(ctx, "one", status, options("controller"))
	check(t, err)
	one, err := s.widgets().Apply(ctx, "one", widget("one", 4), options("first"))
	check(t, err)
	if phase, _, _ := unstructured.NestedString(one.Object, "status", "phase"); phase != "Ready" {
		t.Fatalf("an apply took the status away: %v", one.Object)
	}
	_, err = s.widgets().Apply(ctx, "one", widget("one", 5), options("other"))
	expect(t, apierrors.IsConflict, err, ".spec.size")
}

func TestSubresources(t *testing.T) {
	s, ctx := connect(t).withWidgets(t), t.Context()
	made, err := s.widgets().Create(ctx, widget("one", 2), metav1.CreateOptions{})
	check(t, err)
	check(t, unstructured.SetNestedField(made.Object, int64(7), "status", "made"))
	check(t, unstructured.SetNestedField(made.Object, int64(9), "spec", "size"))
	updated, err := s.widgets().UpdateStatus(ctx, made, metav1.UpdateOptions{})
	check(t, err)
	if size, _, _ := unstructured.NestedInt64(updated.Object, "spec", "size"); size != 2 || updated.GetGeneration() != 1 {
		t.Fatalf("the status changed more than itself: %v", updated.Object)
	}
	// The status is not for whoever writes the object.
	check(t, unstructured.SetNestedField(updated.Object, "Stolen", "status", "phase"))
	updated, err = s.widgets().Update(ctx, updated, metav1.UpdateOptions{})
	check(t, err)
	if phase, found, _ := unstructured.NestedString(updated.Object, "status", "phase"); found {
		t.Fatalf("phase %s", phase)
	}

	cache := memory.NewMemCacheClient(s.typed.Discovery())
	scales, err := scale.NewForConfig(s.config, restmapper.NewDeferredDiscoveryRESTMapper(cache), dynamic.LegacyAPIPathResolverFunc,
		scale.NewDiscoveryScaleKindResolver(s.typed.Discovery()))
	check(t, err)
	current, err := scales.Scales(s.namespace).Get(ctx, widgets.GroupResource(), "one", metav1.GetOptions{})
	check(t, err)
	if current.Spec.Replicas != 2 || current.Status.Replicas != 7 {
		t.Fatalf("scale %v", current)
	}
	current.Spec.Replicas = 5
	_, err = scales.Scales(s.namespace).Update(ctx, widgets.GroupResource(), current, metav1.UpdateOptions{})
	check(t, err)
	one, err := s.widgets().Get(ctx, "one", metav1.GetOptions{})
	check(t, err)
	if size, _, _ := unstructured.NestedInt64(one.Object, "spec", "size"); size != 5 || one.GetGeneration() != 2 {
		t.Fatalf("after scaling: %v", one.Object)
	}
}

func TestDeletion(t *testing.T) {
	s, ctx := connect(t).withWidgets(t), t.Context()
	maps := s.typed.CoreV1().ConfigMaps(s.namespace)
	kind := widgets.GroupVersion().WithKind("Widget")
	for _, policy := range []metav1.DeletionPropagation{metav1.DeletePropagationForeground, metav1.DeletePropagationBackground, metav1.DeletePropagationOrphan} {
		owner, err := s.widgets().Create(ctx, widget("owner", 1), metav1.CreateOptions{})
		check(t, err)
		dependent := configMap("dependent", nil)
		dependent.OwnerReferences = ownedBy(owner, kind)
		_, err = maps.Create(ctx, dependent, metav1.CreateOptions{})
		check(t, err)
		stranger := types.UID("another")
		err = s.widgets().Delete(ctx, "owner", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &stranger}})
		expect(t, apierrors.IsConflict, err)
		uid := owner.GetUID()
		check(t, s.widgets().Delete(ctx, "owner", metav1.DeleteOptions{PropagationPolicy: &policy, Preconditions: &metav1.Preconditions{UID: &uid}}))
		eventually(t, string(policy)+" deletion", func() (bool, error) {
			_, err := s.widgets().Get(ctx, "owner", metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		})
		if policy == metav1.DeletePropagationOrphan {
			left, err := maps.Get(ctx, "dependent", metav1.GetOptions{})
			check(t, err)
			if len(left.OwnerReferences) != 0 {
				t.Fatalf("an orphan of %v", left.OwnerReferences)
			}
			continue
		}
		eventually(t, "the dependent to go", func() (bool, error) {
			_, err := maps.Get(ctx, "dependent", metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		})
	}
	check(t, maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{FieldSelector: "metadata.name=dependent"}))
	_, err := maps.Get(ctx, "dependent", metav1.GetOptions{})
	expect(t, apierrors.IsNotFound, err)
	// A namespace takes what is in it along.
	_, err = s.widgets().Create(ctx, widget("last", 1), metav1.CreateOptions{})
	check(t, err)
	check(t, s.typed.CoreV1().Namespaces().Delete(ctx, s.namespace, metav1.DeleteOptions{}))
	eventually(t, "the namespace to go", func() (bool, error) {
		_, err := s.typed.CoreV1().Namespaces().Get(ctx, s.namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}

func TestPages(t *testing.T) {
	const objects, size = 55, 10
	s, ctx := connect(t), t.Context()
	maps := s.typed.CoreV1().ConfigMaps(s.namespace)
	for number := range objects {
		object := configMap(fmt.Sprintf("page-%03d", number), nil)
		object.Labels = map[string]string{"paged": "yes"}
		_, err := maps.Create(ctx, object, metav1.CreateOptions{})
		check(t, err)
	}
	pages, seen := 0, 0
	lister := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		pages++
		list, err := maps.List(ctx, options)
		if err == nil && pages == 1 {
			if list.RemainingItemCount != nil && *list.RemainingItemCount < objects-size {
				t.Errorf("%d remain", *list.RemainingItemCount)
			}
			// What comes in between is on no later page.
			_, err = maps.Create(ctx, configMap("page-999", nil), metav1.CreateOptions{})
		}
		return list, err
	})
	lister.PageSize = size
	check(t, lister.EachListItem(ctx, metav1.ListOptions{}, func(object runtime.Object) error {
		if name := object.(*corev1.ConfigMap).Name; name == "page-999" {
			t.Errorf("%s is on a page of an older list", name)
		} else if name != "kube-root-ca.crt" {
			seen++
		}
		return nil
	}))
	if seen != objects || pages < objects/size {
		t.Errorf("%d objects on %d pages", seen, pages)
	}
	all, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "paged", ResourceVersion: "0"})
	check(t, err)
	if len(all.Items) != objects {
		t.Errorf("%d objects", len(all.Items))
	}
}
