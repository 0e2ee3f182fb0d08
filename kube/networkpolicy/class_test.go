package networkpolicy

import (
	"context"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// class is thirty seats with ten pods and six policies each.
func class() State {
	var state State
	for seat := range 30 {
		name := fmt.Sprint("seat-", seat)
		state.Namespaces = append(state.Namespaces,
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labelSet{"seat": name}}})
		for i := range 10 {
			state.Pods = append(state.Pods, newPod(name, fmt.Sprint("pod-", i),
				fmt.Sprintf("10.99.%d.%d", seat, i+1), labelSet{"app": "server", "number": fmt.Sprint(i)}))
		}
		for i := range 6 {
			policy := inTo(peerList{podsWith(nil), both(nil, labelSet{"number": fmt.Sprint(i)})}, port(tcp, "http"), port(udp, 53))
			policy.Namespace, policy.Name = name, fmt.Sprint("policy-", i)
			if i%2 == 0 {
				policy.Spec.PodSelector.MatchLabels = labelSet{"number": fmt.Sprint(i)}
			}
			state.Policies = append(state.Policies, policy)
		}
	}
	return state
}

// A whole class's rules are computed, applied and read back while a pod
// starts: it must not wait for them noticeably.
func TestKernelTakesAClassAtOnce(t *testing.T) {
	needKernel(t)
	e := &Enforcer{Bridge: testBridge}
	state := class()
	newRoom(t).do(func() {
		for range 3 {
			began := time.Now()
			rules, problems := Compile(state)
			compiled := time.Since(began)
			if err := e.Apply(context.Background(), rules); err != nil || len(problems) > 0 {
				t.Fatal(err, problems)
			}
			took := time.Since(began)
			t.Logf("computed in %v, in force and read back in %v", compiled, took)
			if took > 5*time.Second {
				t.Errorf("thirty seats' rules take %v", took)
			}
			e.forget()
		}
	})
}
