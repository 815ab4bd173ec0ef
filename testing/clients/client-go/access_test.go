package clientgo

import (
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/record"
)

func TestAccess(t *testing.T) {
	s, ctx := connect(t), t.Context()
	jane := s.as(t, func(config *rest.Config) {
		config.Impersonate = rest.ImpersonationConfig{UserName: "jane", Groups: []string{"tenants"}}
	})
	may := func(who *server, verb, resource string) bool {
		review, err := who.typed.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Namespace: s.namespace, Verb: verb, Resource: resource,
			}},
		}, metav1.CreateOptions{})
		check(t, err)
		return review.Status.Allowed
	}
	if !may(s, "delete", "secrets") || may(jane, "list", "configmaps") {
		t.Fatal("the reviews are wrong")
	}
	_, err := jane.typed.CoreV1().ConfigMaps(s.namespace).List(ctx, metav1.ListOptions{})
	expect(t, apierrors.IsForbidden, err, `User "jane" cannot list resource "configmaps"`)
	who, err := jane.typed.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	check(t, err)
	if who.Status.UserInfo.Username != "jane" {
		t.Fatalf("she is %v", who.Status.UserInfo)
	}

	rbac := s.typed.RbacV1()
	_, err = rbac.Roles(s.namespace).Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "reader"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "list", "watch"}}},
	}, metav1.CreateOptions{})
	check(t, err)
	_, err = rbac.RoleBindings(s.namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "readers"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "reader"},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: "tenants"}},
	}, metav1.CreateOptions{})
	check(t, err)
	eventually(t, "the role to count", func() (bool, error) { return may(jane, "list", "configmaps"), nil })
	_, err = jane.typed.CoreV1().ConfigMaps(s.namespace).List(ctx, metav1.ListOptions{})
	check(t, err)
	rules, err := jane.typed.AuthorizationV1().SelfSubjectRulesReviews().Create(ctx, &authorizationv1.SelfSubjectRulesReview{
		Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: s.namespace},
	}, metav1.CreateOptions{})
	check(t, err)
	if !strings.Contains(rules.String(), "configmaps") {
		t.Errorf("her rules are %v", rules.Status.ResourceRules)
	}
	about, err := s.typed.AuthorizationV1().LocalSubjectAccessReviews(s.namespace).Create(ctx, &authorizationv1.LocalSubjectAccessReview{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.namespace},
		Spec: authorizationv1.SubjectAccessReviewSpec{User: "anybody", Groups: []string{"tenants"}, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: s.namespace, Verb: "watch", Resource: "configmaps",
		}},
	}, metav1.CreateOptions{})
	check(t, err)
	if !about.Status.Allowed {
		t.Errorf("not allowed: %v", about.Status)
	}

	nobody := s.as(t, func(config *rest.Config) {
		*config = *rest.AnonymousClientConfig(config)
		config.BearerToken = "nobody-issued-this"
	})
	_, err = nobody.typed.CoreV1().ConfigMaps(s.namespace).List(ctx, metav1.ListOptions{})
	expect(t, apierrors.IsUnauthorized, err)
}

func TestTokens(t *testing.T) {
	s, ctx := connect(t), t.Context()
	accounts := s.typed.CoreV1().ServiceAccounts(s.namespace)
	_, err := accounts.Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{})
	check(t, err)
	hour := int64(3600)
	issued, err := accounts.CreateToken(ctx, "robot", &authenticationv1.TokenRequest{
		Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour},
	}, metav1.CreateOptions{})
	check(t, err)
	if issued.Status.ExpirationTimestamp.Before(&metav1.Time{Time: time.Now()}) {
		t.Errorf("it ends %v", issued.Status.ExpirationTimestamp)
	}
	robot := s.as(t, func(config *rest.Config) {
		*config = *rest.AnonymousClientConfig(config)
		config.BearerToken = issued.Status.Token
	})
	name := "system:serviceaccount:" + s.namespace + ":robot"
	who, err := robot.typed.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	check(t, err)
	if who.Status.UserInfo.Username != name {
		t.Fatalf("it is %v", who.Status.UserInfo)
	}
	review, err := s.typed.AuthenticationV1().TokenReviews().Create(ctx, &authenticationv1.TokenReview{
		Spec: authenticationv1.TokenReviewSpec{Token: issued.Status.Token},
	}, metav1.CreateOptions{})
	check(t, err)
	if !review.Status.Authenticated || review.Status.User.Username != name {
		t.Errorf("reviewed: %v", review.Status)
	}
	_, err = robot.typed.CoreV1().Secrets(s.namespace).List(ctx, metav1.ListOptions{})
	expect(t, apierrors.IsForbidden, err, name)
	check(t, accounts.Delete(ctx, "robot", metav1.DeleteOptions{}))
	eventually(t, "the token to go with its account", func() (bool, error) {
		_, err := robot.typed.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		return apierrors.IsUnauthorized(err), nil
	})
}

// How controllers tell what they did.
func TestEvents(t *testing.T) {
	s, ctx := connect(t), t.Context()
	about, err := s.typed.CoreV1().ConfigMaps(s.namespace).Create(ctx, configMap("told-of", nil), metav1.CreateOptions{})
	check(t, err)

	broadcaster := record.NewBroadcaster(record.WithContext(background(t)))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: s.typed.CoreV1().Events(s.namespace)})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "teller"})
	for range 3 {
		recorder.Event(about, corev1.EventTypeNormal, "Told", "the same thing again")
	}
	eventually(t, "three events to be one", func() (bool, error) {
		list, err := s.typed.CoreV1().Events(s.namespace).List(ctx, metav1.ListOptions{
			FieldSelector: "involvedObject.name=told-of,reason=Told",
		})
		return err == nil && len(list.Items) == 1 && list.Items[0].Count == 3, err
	})
}

// The newer way, in a group of its own, of the same objects.
func TestNewerEvents(t *testing.T) {
	s, ctx := connect(t), t.Context()
	if _, err := s.typed.Discovery().ServerResourcesForGroupVersion("events.k8s.io/v1"); apierrors.IsNotFound(err) {
		t.Skip("events.k8s.io/v1 is not served")
	}
	about, err := s.typed.CoreV1().ConfigMaps(s.namespace).Create(ctx, configMap("told-of", nil), metav1.CreateOptions{})
	check(t, err)
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: s.typed.EventsV1()})
	check(t, broadcaster.StartRecordingToSinkWithContext(background(t)))
	defer broadcaster.Shutdown()
	broadcaster.NewRecorder(scheme.Scheme, "teller").Eventf(about, nil, corev1.EventTypeWarning, "Warned", "Warning", "number %d", 7)
	eventually(t, "the newer kind of event", func() (bool, error) {
		list, err := s.typed.EventsV1().Events(s.namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, event := range list.Items {
			if event.Reason == "Warned" && event.Regarding.Name == "told-of" && event.Note == "number 7" {
				return true, nil
			}
		}
		return false, nil
	})
	// They are the same objects.
	old, err := s.typed.CoreV1().Events(s.namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=Warned"})
	check(t, err)
	if len(old.Items) != 1 || old.Items[0].Message != "number 7" || old.Items[0].InvolvedObject.Name != "told-of" {
		t.Errorf("in the core group they are %v", old.Items)
	}
}
