package networkpolicy

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func pod(namespace, name, ip string, labels map[string]string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8888}},
		}}},
		Status: corev1.PodStatus{PodIP: ip, Phase: corev1.PodRunning},
	}
}

func ingress(name string, rules ...networkingv1.NetworkPolicyIngressRule) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "mnist", Name: name},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "server"}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress:     rules,
		},
	}
}

func number(port int) *intstr.IntOrString {
	value := intstr.FromInt32(int32(port))
	return &value
}

func named(port string) *intstr.IntOrString {
	value := intstr.FromString(port)
	return &value
}

func selected(labels map[string]string) networkingv1.NetworkPolicyPeer {
	return networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: labels}}
}

func state(policies ...*networkingv1.NetworkPolicy) State {
	return State{
		Pods: []*corev1.Pod{
			pod("mnist", "server", "10.244.0.2", map[string]string{"app": "server"}),
			pod("mnist", "bench", "10.244.0.3", map[string]string{"app": "bench"}),
			pod("other", "bench", "10.244.0.4", map[string]string{"app": "bench"}),
		},
		Namespaces: []*corev1.Namespace{
			{ObjectMeta: metav1.ObjectMeta{Name: "mnist", Labels: map[string]string{"team": "a"}}},
			{ObjectMeta: metav1.ObjectMeta{Name: "other", Labels: map[string]string{"team": "b"}}},
		},
		Policies: policies,
	}
}

func TestRules(t *testing.T) {
	block := networkingv1.NetworkPolicyPeer{
		IPBlock: &networkingv1.IPBlock{CIDR: "192.0.2.0/24", Except: []string{"192.0.2.9/32"}},
	}
	elsewhere := networkingv1.NetworkPolicyPeer{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "b"}},
	}
	rule := func(peer networkingv1.NetworkPolicyPeer, port *intstr.IntOrString) networkingv1.NetworkPolicyIngressRule {
		return networkingv1.NetworkPolicyIngressRule{
			From:  []networkingv1.NetworkPolicyPeer{peer},
			Ports: []networkingv1.NetworkPolicyPort{{Port: port}},
		}
	}
	cases := []struct {
		name    string
		policy  *networkingv1.NetworkPolicy
		present []string
		absent  []string
	}{
		{"nothing is allowed", ingress("none"),
			[]string{"-d 10.244.0.2/32 -j KUBE-NP-", "-j REJECT"}, []string{"-s 10.244.0.3/32"}},
		{"pods of the policy's own namespace",
			ingress("own", rule(selected(map[string]string{"app": "bench"}), number(8888))),
			[]string{"-s 10.244.0.3/32 -p tcp --dport 8888 -j RETURN"}, []string{"-s 10.244.0.4/32"}},
		{"pods of selected namespaces", ingress("team", rule(elsewhere, number(8888))),
			[]string{"-s 10.244.0.4/32 -p tcp --dport 8888 -j RETURN"}, []string{"-s 10.244.0.3/32"}},
		{"a named port is the pod's", ingress("named", rule(elsewhere, named("http"))),
			[]string{"-s 10.244.0.4/32 -p tcp --dport 8888 -j RETURN"}, nil},
		{"an unknown named port allows nothing", ingress("named", rule(elsewhere, named("grpc"))),
			[]string{"-j REJECT"}, []string{"-s 10.244.0.4/32"}},
		{"a block with an exception", ingress("block", rule(block, number(80))),
			[]string{"-s 192.0.2.9/32 -j RETURN", "-s 192.0.2.0/24 -p tcp --dport 80 -j KUBE-NP-"}, nil},
		{"anyone on one port", ingress("open", networkingv1.NetworkPolicyIngressRule{
			Ports: []networkingv1.NetworkPolicyPort{{Port: number(8443)}}}),
			[]string{" -p tcp --dport 8443 -j RETURN"}, nil},
		{"anyone at all", ingress("all", networkingv1.NetworkPolicyIngressRule{}),
			[]string{"KUBE-NP"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text, _ := Rules(state(c.policy))
			for _, want := range c.present {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in\n%s", want, text)
				}
			}
			for _, unwanted := range c.absent {
				if strings.Contains(text, unwanted) {
					t.Errorf("%q should not be in\n%s", unwanted, text)
				}
			}
		})
	}
}

func TestPodsWithoutPolicyAreOpen(t *testing.T) {
	text, names := Rules(state())
	if len(names) != 1 || strings.Contains(text, "REJECT") {
		t.Errorf("without a policy nothing is refused, got\n%s", text)
	}
}

func TestEndedAndHostPodsAreLeftOut(t *testing.T) {
	s := state(ingress("none"))
	s.Pods[0].Status.Phase = corev1.PodSucceeded
	host := pod("mnist", "host", "10.245.0.1", map[string]string{"app": "server"})
	host.Spec.HostNetwork = true
	s.Pods = append(s.Pods, host)
	if text, _ := Rules(s); strings.Contains(text, "REJECT") {
		t.Errorf("neither an ended pod nor one of the host's network is governed, got\n%s", text)
	}
}

func TestEgressNamesThePeersPort(t *testing.T) {
	policy := &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: "mnist", Name: "out"},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "bench"}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeEgress},
			Egress: []networkingv1.NetworkPolicyEgressRule{{
				To:    []networkingv1.NetworkPolicyPeer{selected(map[string]string{"app": "server"})},
				Ports: []networkingv1.NetworkPolicyPort{{Port: named("http")}},
			}},
		},
	}
	text, _ := Rules(state(policy))
	if want := "-d 10.244.0.2/32 -p tcp --dport 8888 -j RETURN"; !strings.Contains(text, want) {
		t.Errorf("%q is missing in\n%s", want, text)
	}
}
