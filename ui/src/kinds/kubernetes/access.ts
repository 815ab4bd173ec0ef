/** Who may do what in a cluster: accounts, roles and bindings. */
import { IdCard, Link, ShieldCheck } from '@lucide/vue'

import { defineKind, type Column, type Kind } from '@/core/kinds'
import { listAt, textAt, type KubeObject } from '@/core/kubernetes'

import { kubernetesMessages as m } from './messages'

const RBAC = { group: 'rbac.authorization.k8s.io', version: 'v1' } as const

const roleOf = (binding: KubeObject): string => [textAt(binding, 'roleRef', 'kind'), textAt(binding, 'roleRef', 'name')].filter(Boolean).join(' ')
const subjectsOf = (binding: KubeObject): string =>
  listAt(binding, 'subjects')
    .map((subject) => [textAt(subject, 'kind'), [textAt(subject, 'namespace'), textAt(subject, 'name')].filter(Boolean).join('/')].filter(Boolean).join(' '))
    .join(', ')

const rules: Column<KubeObject> = { id: 'rules', label: () => m.columns.rules, value: (role) => listAt(role, 'rules').length, format: 'number', width: '96px', fact: true }
const bound: Column<KubeObject>[] = [
  { id: 'role', label: () => m.columns.role, value: roleOf, fact: true, width: 'minmax(140px, 1.4fr)' },
  { id: 'subjects', label: () => m.columns.subjects, value: subjectsOf, fact: true, width: 'minmax(160px, 2fr)' },
]

export const serviceAccountKind = defineKind<KubeObject>({
  group: '',
  version: 'v1',
  resource: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
  title: () => m.serviceAccounts,
  singular: () => m.serviceAccount,
  icon: IdCard,
  columns: [],
})

export const roleKinds: Kind[] = [
  defineKind<KubeObject>({ ...RBAC, resource: 'roles', kind: 'Role', namespaced: true, title: () => m.roles, singular: () => m.role, icon: ShieldCheck, columns: [rules] }),
  defineKind<KubeObject>({ ...RBAC, resource: 'clusterroles', kind: 'ClusterRole', namespaced: false, title: () => m.clusterRoles, singular: () => m.clusterRole, icon: ShieldCheck, columns: [rules] }),
  defineKind<KubeObject>({ ...RBAC, resource: 'rolebindings', kind: 'RoleBinding', namespaced: true, title: () => m.roleBindings, singular: () => m.roleBinding, icon: Link, columns: bound }),
  defineKind<KubeObject>({ ...RBAC, resource: 'clusterrolebindings', kind: 'ClusterRoleBinding', namespaced: false, title: () => m.clusterRoleBindings, singular: () => m.clusterRoleBinding, icon: Link, columns: bound }),
]
