package clientgo

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/features"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/client-go/util/workqueue"
)

// What handlers were told, by name: A for added, U for changed, D for gone, R
// for a repetition without change.
type diary struct {
	lock    sync.Mutex
	entries []string
}

func (d *diary) note(what string, object any) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = gone.Obj
	}
	d.entries = append(d.entries, what+" "+object.(metav1.Object).GetName())
}

func (d *diary) has(entries ...string) bool {
	d.lock.Lock()
	defer d.lock.Unlock()
	for _, entry := range entries {
		if !slices.Contains(d.entries, entry) {
			return false
		}
	}
	return true
}

func (d *diary) count(entry string) (count int) {
	d.lock.Lock()
	defer d.lock.Unlock()
	for _, other := range d.entries {
		if other == entry {
			count++
		}
	}
	return count
}

func (d *diary) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) { d.note("A", object) },
		UpdateFunc: func(old, object any) {
			if old.(metav1.Object).GetResourceVersion() == object.(metav1.Object).GetResourceVersion() {
				d.note("R", object)
			} else {
				d.note("U", object)
			}
		},
		DeleteFunc: func(object any) { d.note("D", object) },
	}
}

// TestInformers is run once with lists that are streamed and once without.
func TestInformers(t *testing.T) {
	wanted := os.Getenv("KUBE_FEATURE_WatchListClient")
	if wanted != "" && fmt.Sprint(features.FeatureGates().Enabled(features.WatchListClient)) != wanted {
		t.Fatalf("streaming of lists is not %s", wanted)
	}
	s, ctx := connect(t).withWidgets(t), background(t)
	maps := s.typed.CoreV1().ConfigMaps(s.namespace)
	for _, name := range []string{"one", "two"} {
		object := configMap(name, map[string]string{"v": "1"})
		object.Labels = map[string]string{"number": name}
		_, err := maps.Create(ctx, object, metav1.CreateOptions{})
		check(t, err)
	}
	_, err := s.widgets().Create(ctx, widget("w", 1), metav1.CreateOptions{})
	check(t, err)

	// With repetition, all kinds at once, as a controller's main does it.
	const again = time.Second
	typed := informers.NewSharedInformerFactoryWithOptions(s.typed, again, informers.WithNamespace(s.namespace))
	shared := typed.Core().V1().ConfigMaps()
	check(t, shared.Informer().AddIndexers(cache.Indexers{"by-value": func(object any) ([]string, error) {
		return []string{object.(*corev1.ConfigMap).Data["v"]}, nil
	}}))
	var told diary
	_, err = shared.Informer().AddEventHandler(told.handler())
	check(t, err)
	typed.Core().V1().Secrets().Informer()
	typed.Core().V1().ServiceAccounts().Informer()
	typed.Core().V1().Events().Informer()
	typed.Coordination().V1().Leases().Informer()
	typed.Rbac().V1().Roles().Informer()
	typed.Rbac().V1().RoleBindings().Informer()
	typed.Start(ctx.Done())
	everywhere := informers.NewSharedInformerFactory(s.typed, 0)
	everywhere.Core().V1().Namespaces().Informer()
	everywhere.Rbac().V1().ClusterRoles().Informer()
	everywhere.Start(ctx.Done())

	untyped := dynamicinformer.NewFilteredDynamicSharedInformerFactory(s.dynamic, 0, s.namespace, func(options *metav1.ListOptions) {
		options.FieldSelector = "spec.shape=round"
	})
	var toldOfWidgets diary
	_, err = untyped.ForResource(widgets).Informer().AddEventHandler(toldOfWidgets.handler())
	check(t, err)
	untyped.Start(ctx.Done())

	partial, err := metadata.NewForConfig(s.config)
	check(t, err)
	some := metadatainformer.NewFilteredSharedInformerFactory(partial, 0, s.namespace, func(options *metav1.ListOptions) {
		options.LabelSelector = "number"
	})
	var toldOfMetadata diary
	for _, resource := range []string{"configmaps", "secrets"} {
		_, err = some.ForResource(corev1.SchemeGroupVersion.WithResource(resource)).Informer().AddEventHandler(toldOfMetadata.handler())
		check(t, err)
	}
	some.Start(ctx.Done())

	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for kind, synced := range typed.WaitForCacheSync(waiting.Done()) {
		if !synced {
			t.Errorf("%v is not synced", kind)
		}
	}
	for kind, synced := range everywhere.WaitForCacheSync(waiting.Done()) {
		if !synced {
			t.Errorf("%v is not synced", kind)
		}
	}
	for kind, synced := range untyped.WaitForCacheSync(waiting.Done()) {
		if !synced {
			t.Errorf("%v is not synced", kind)
		}
	}
	for kind, synced := range some.WaitForCacheSync(waiting.Done()) {
		if !synced {
			t.Errorf("the metadata of %v is not synced", kind)
		}
	}

	// What was there is there at once.
	lister := shared.Lister().ConfigMaps(s.namespace)
	selected, err := lister.List(labels.SelectorFromSet(labels.Set{"number": "two"}))
	check(t, err)
	if len(selected) != 1 || selected[0].Name != "two" {
		t.Fatalf("listed %v", selected)
	}
	_, err = lister.Get("three")
	expect(t, apierrors.IsNotFound, err)

	_, err = maps.Create(ctx, configMap("three", map[string]string{"v": "3"}), metav1.CreateOptions{})
	check(t, err)
	kind, patch := mergePatch(`{"data":{"v":"2"}}`)
	_, err = maps.Patch(ctx, "two", kind, patch, metav1.PatchOptions{})
	check(t, err)
	check(t, maps.Delete(ctx, "one", metav1.DeleteOptions{}))
	eventually(t, "the handlers to be told", func() (bool, error) {
		return told.has("A one", "A two", "A three", "U two", "D one") &&
			toldOfMetadata.has("A one", "A two", "U two", "D one"), nil
	})
	if toldOfMetadata.has("A three") {
		t.Error("three has no label")
	}
	found, err := shared.Informer().GetIndexer().ByIndex("by-value", "2")
	check(t, err)
	if len(found) != 1 {
		t.Errorf("indexed %v", found)
	}
	eventually(t, "a repetition", func() (bool, error) { return told.has("R two", "R three"), nil })

	// Out of the selection is as good as gone.
	kind, patch = mergePatch(`{"spec":{"shape":"square"}}`)
	_, err = s.widgets().Patch(ctx, "w", kind, patch, metav1.PatchOptions{})
	check(t, err)
	eventually(t, "the widget to leave the selection", func() (bool, error) { return toldOfWidgets.has("A w", "D w"), nil })
}

// A controller as they are written: an informer feeds a queue of keys, workers
// make what is owned and tell it in the status.
func TestController(t *testing.T) {
	const objects, workers = 12, 3
	s, ctx := connect(t).withWidgets(t), background(t)
	maps := s.typed.CoreV1().ConfigMaps(s.namespace)
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[string]())
	defer queue.ShutDown()
	enqueue := func(object any) {
		if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(object); err == nil {
			queue.Add(key)
		}
	}
	untyped := dynamicinformer.NewFilteredDynamicSharedInformerFactory(s.dynamic, 0, s.namespace, nil)
	informer := untyped.ForResource(widgets)
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, object any) { enqueue(object) },
		DeleteFunc: enqueue,
	})
	check(t, err)
	untyped.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.Informer().HasSynced) {
		t.Fatal("not synced")
	}
	reconcile := func(key string) error {
		_, name, err := cache.SplitMetaNamespaceKey(key)
		if err != nil {
			return err
		}
		object, err := informer.Lister().ByNamespace(s.namespace).Get(name)
		if apierrors.IsNotFound(err) {
			return nil
		} else if err != nil {
			return err
		}
		owner := object.DeepCopyObject().(*unstructured.Unstructured)
		size, _, _ := unstructured.NestedInt64(owner.Object, "spec", "size")
		made, _, _ := unstructured.NestedInt64(owner.Object, "status", "made")
		if made == size {
			return nil
		}
		owned := configMap(fmt.Sprintf("%s-%d", name, made), nil)
		owned.OwnerReferences = ownedBy(owner, widgets.GroupVersion().WithKind("Widget"))
		if _, err := maps.Create(ctx, owned, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return err
		}
		if err := unstructured.SetNestedField(owner.Object, made+1, "status", "made"); err != nil {
			return err
		}
		_, err = s.widgets().UpdateStatus(ctx, owner, metav1.UpdateOptions{})
		return err
	}
	for range workers {
		go func() {
			for {
				key, stop := queue.Get()
				if stop {
					return
				}
				if err := reconcile(key); err != nil {
					queue.AddRateLimited(key)
				} else {
					queue.Forget(key)
				}
				queue.Done(key)
			}
		}()
	}
	for number := range objects {
		_, err := s.widgets().Create(ctx, widget(fmt.Sprintf("w%d", number), 3), metav1.CreateOptions{})
		check(t, err)
	}
	owned := func() (map[string]int, error) {
		list, err := maps.List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		count := map[string]int{}
		for _, object := range list.Items {
			if owner := metav1.GetControllerOf(&object); owner != nil {
				count[owner.Name]++
			}
		}
		return count, nil
	}
	eventually(t, "the controller to make everything", func() (bool, error) {
		count, err := owned()
		if err != nil || len(count) != objects {
			return false, err
		}
		for _, made := range count {
			if made != 3 {
				return false, nil
			}
		}
		return true, nil
	})
	check(t, s.widgets().DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}))
	eventually(t, "everything to go with its owners", func() (bool, error) {
		count, err := owned()
		return len(count) == 0, err
	})
}

// candidate runs for a Lease; led is closed when it leads.
func (s *server) candidate(t *testing.T, name string) (led chan struct{}, retire context.CancelFunc) {
	led = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  metav1.ObjectMeta{Namespace: s.namespace, Name: "crown"},
			Client:     s.typed.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: name},
		},
		LeaseDuration:   60 * time.Second,
		RenewDeadline:   40 * time.Second,
		RetryPeriod:     500 * time.Millisecond,
		ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(context.Context) { close(led) },
			OnStoppedLeading: func() {},
		},
	})
	check(t, err)
	go elector.Run(ctx)
	return led, cancel
}

func leads(t *testing.T, name string, led chan struct{}) {
	t.Helper()
	select {
	case <-led:
	case <-time.After(patience):
		t.Fatalf("%s does not lead", name)
	}
}

func TestLeaderElection(t *testing.T) {
	s := connect(t)
	first, abdicate := s.candidate(t, "first")
	leads(t, "first", first)
	second, _ := s.candidate(t, "second")
	leases := s.typed.CoordinationV1().Leases(s.namespace)
	var lease *coordinationv1.Lease
	eventually(t, "the first to renew", func() (done bool, err error) {
		lease, err = leases.Get(t.Context(), "crown", metav1.GetOptions{})
		return err == nil && lease.Spec.RenewTime.After(lease.Spec.AcquireTime.Time), err
	})
	if *lease.Spec.HolderIdentity != "first" || lease.Spec.RenewTime == nil || lease.Spec.RenewTime.Nanosecond()%1000 != 0 {
		t.Fatalf("the lease is %v", lease.Spec)
	}
	select {
	case <-second:
		t.Fatal("two lead")
	default:
	}
	abdicate()
	leads(t, "second", second)
	lease, err := leases.Get(t.Context(), "crown", metav1.GetOptions{})
	check(t, err)
	if *lease.Spec.HolderIdentity != "second" || *lease.Spec.LeaseTransitions < 1 {
		t.Fatalf("the lease is %v", lease.Spec)
	}
}

// watches gives a watch that begins anew by itself where it was cut.
func (s *server) watches(ctx context.Context, t *testing.T) *watchtools.RetryWatcher {
	maps := s.typed.CoreV1().ConfigMaps(s.namespace)
	list, err := maps.List(ctx, metav1.ListOptions{})
	check(t, err)
	watcher, err := watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			return maps.Watch(ctx, options)
		},
	})
	check(t, err)
	return watcher
}

func TestRestart(t *testing.T) {
	s, ctx := connect(t).withWidgets(t), background(t)
	maps := s.typed.CoreV1().ConfigMaps(s.namespace)
	factory := informers.NewSharedInformerFactoryWithOptions(s.typed, 0, informers.WithNamespace(s.namespace))
	var told diary
	_, err := factory.Core().V1().ConfigMaps().Informer().AddEventHandler(told.handler())
	check(t, err)
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	untyped := dynamicinformer.NewFilteredDynamicSharedInformerFactory(s.dynamic, 0, s.namespace, nil)
	var toldOfWidgets diary
	_, err = untyped.ForResource(widgets).Informer().AddEventHandler(toldOfWidgets.handler())
	check(t, err)
	untyped.Start(ctx.Done())
	untyped.WaitForCacheSync(ctx.Done())
	watcher := s.watches(ctx, t)
	defer watcher.Stop()
	led, _ := s.candidate(t, "steady")
	leads(t, "steady", led)
	_, err = maps.Create(ctx, configMap("before", nil), metav1.CreateOptions{})
	check(t, err)
	uid, err := s.widgets().Create(ctx, widget("before", 1), metav1.CreateOptions{})
	check(t, err)
	eventually(t, "the watches to see what was before", func() (bool, error) {
		return told.has("A before") && toldOfWidgets.has("A before"), nil
	})

	restart(t)

	kept, err := s.widgets().Get(ctx, "before", metav1.GetOptions{})
	check(t, err)
	if kept.GetUID() != uid.GetUID() || kept.GetResourceVersion() != uid.GetResourceVersion() {
		t.Fatalf("it was %v and is %v", uid, kept)
	}
	_, err = maps.Create(ctx, configMap("after", nil), metav1.CreateOptions{})
	check(t, err)
	_, err = s.widgets().Create(ctx, widget("after", 1), metav1.CreateOptions{})
	check(t, err)
	check(t, maps.Delete(ctx, "before", metav1.DeleteOptions{}))
	eventually(t, "the watches to go on", func() (bool, error) {
		return told.has("A after", "D before") && toldOfWidgets.has("A after"), nil
	})
	for _, entry := range []string{"A before", "A after", "D before"} {
		if count := told.count(entry); count != 1 {
			t.Errorf("%s was told %d times", entry, count)
		}
	}

	// A plain watch is resumed where it was, without a new list; or it is told
	// to begin anew, which a server may whose memory begins with its start.
	var seen []string
	deadline := time.After(patience)
	for expired := false; len(seen) < 3 && !expired; {
		select {
		case event, open := <-watcher.ResultChan():
			if !open {
				t.Fatalf("the watch ended after %v", seen)
			}
			if event.Type == watch.Error {
				expect(t, apierrors.IsResourceExpired, apierrors.FromObject(event.Object), "too old resource version")
				expired = true
			} else if object, err := meta.Accessor(event.Object); err != nil {
				t.Fatal(err)
			} else if object.GetName() != "kube-root-ca.crt" {
				seen = append(seen, string(event.Type)+" "+object.GetName())
			}
		case <-deadline:
			t.Fatalf("the watch saw only %v", seen)
		}
	}
	if all := []string{"ADDED before", "ADDED after", "DELETED before"}; !slices.Equal(seen, all[:len(seen)]) {
		t.Errorf("the watch saw %v", seen)
	}

	// The leader still leads and renews.
	lease, err := s.typed.CoordinationV1().Leases(s.namespace).Get(ctx, "crown", metav1.GetOptions{})
	check(t, err)
	eventually(t, "the lease to be renewed", func() (bool, error) {
		now, err := s.typed.CoordinationV1().Leases(s.namespace).Get(ctx, "crown", metav1.GetOptions{})
		return err == nil && now.Spec.RenewTime.After(lease.Spec.RenewTime.Time), err
	})
	_, err = s.widgets().Patch(ctx, "after", types.JSONPatchType, []byte(`[{"op":"replace","path":"/spec/size","value":2}]`), metav1.PatchOptions{})
	check(t, err)
	eventually(t, "a change to be seen", func() (bool, error) { return toldOfWidgets.has("U after"), nil })
}
