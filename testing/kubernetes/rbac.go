package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	rbac "k8s.io/api/rbac/v1"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/component-helpers/auth/rbac/validation"
	registry "k8s.io/kubernetes/pkg/registry/rbac/validation"
	plugin "k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac"
)

// question is one line of standard input. Exactly one field is set.
type question struct {
	// World replaces the objects that further requests are decided by, and has no answer.
	World *struct {
		Roles               []*rbac.Role
		RoleBindings        []*rbac.RoleBinding
		ClusterRoles        []*rbac.ClusterRole
		ClusterRoleBindings []*rbac.ClusterRoleBinding
	}
	// Request asks whether somebody may do something; the answer is true or false.
	Request *struct {
		User                                                string
		Groups                                              []string
		Verb, Namespace, Group, Resource, Subresource, Name string
		Path                                                string
		IsResource                                          bool
	}
	// Covers asks which of the wanted rules the owned ones do not cover; the answer is the list of those.
	Covers *struct{ Owned, Wanted []rbac.PolicyRule }
}

// decideRBAC answers questions with the code by which kube-apiserver decides,
// one line of JSON each: a hundred thousand decisions in seconds, where
// SubjectAccessReviews would take minutes.
func decideRBAC() int {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 16<<20)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	answers := json.NewEncoder(output)
	var decider *plugin.RBACAuthorizer
	for input.Scan() {
		var asked question
		if err := json.Unmarshal(input.Bytes(), &asked); err != nil {
			fmt.Fprintln(os.Stderr, "rbac:", err)
			return 1
		}
		var answer any
		switch {
		case asked.World != nil:
			world := asked.World
			_, roles := registry.NewTestRuleResolver(world.Roles, world.RoleBindings, world.ClusterRoles, world.ClusterRoleBindings)
			decider = plugin.New(roles, roles, roles, roles)
			continue
		case asked.Request != nil:
			request := asked.Request
			decision, _, _ := decider.Authorize(context.Background(), authorizer.AttributesRecord{
				User: &user.DefaultInfo{Name: request.User, Groups: request.Groups},
				Verb: request.Verb, Namespace: request.Namespace, APIGroup: request.Group, Resource: request.Resource,
				Subresource: request.Subresource, Name: request.Name, Path: request.Path, ResourceRequest: request.IsResource,
			})
			answer = decision == authorizer.DecisionAllow
		case asked.Covers != nil:
			_, missing := validation.Covers(asked.Covers.Owned, asked.Covers.Wanted)
			if missing == nil {
				missing = []rbac.PolicyRule{}
			}
			answer = missing
		}
		if err := answers.Encode(answer); err != nil {
			return 1
		}
	}
	return 0
}
