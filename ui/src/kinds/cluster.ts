/** Imported clusters, as the fleet's list shows them. */
import { FileKey, ListChecks, Server, SquareArrowOutUpRight, Trash2, Pencil } from '@lucide/vue'

import { CLUSTERS, clusterState, descriptionOf, isReady, nameOf, type Cluster } from '@/core/clusters'
import { request } from '@/core/http'
import { defineAction, defineKind, type Action } from '@/core/kinds'
import { clustersMessages as m } from '@/pages/clusters/messages'
import { download } from '@/ui/clipboard'

import HarvesterVersion from './HarvesterVersion.vue'

const self = { group: CLUSTERS.group, resource: CLUSTERS.resource }
const toCluster = (name: string, cluster: Cluster): { name: string; params: { id: string } } => ({ name, params: { id: cluster.metadata.name } })

export const clusterActions: Action[] = [
  defineAction<Cluster>({
    id: 'manage',
    label: () => m.actions.manage,
    icon: SquareArrowOutUpRight,
    primary: true,
    needs: () => [{ verb: 'get', ...self }],
    when: (cluster) => isReady(cluster),
    run: (cluster, { go }) => go({ name: 'cluster', params: { cluster: cluster.metadata.name } }),
  }),
  defineAction<Cluster>({
    id: 'registration',
    label: () => m.actions.registration,
    icon: ListChecks,
    needs: () => [{ verb: 'get', ...self }],
    run: (cluster, { go }) => go(toCluster('cluster-detail', cluster)),
  }),
  defineAction<Cluster>({
    id: 'edit',
    label: () => m.actions.edit,
    icon: Pencil,
    key: 'e',
    needs: () => [{ verb: 'update', ...self }],
    run: (cluster, { go }) => go(toCluster('cluster-edit', cluster)),
  }),
  defineAction<Cluster>({
    id: 'kubeconfig',
    label: () => m.actions.kubeconfig,
    icon: FileKey,
    needs: () => [{ verb: 'get', ...self }],
    run: async (cluster) => {
      const { config } = await request<{ config: string }>(`/v3/clusters/${cluster.metadata.name}?action=generateKubeconfig`, { method: 'POST', body: {} })
      download(`${nameOf(cluster)}.kubeconfig`, config)
    },
  }),
  defineAction<Cluster>({
    id: 'delete',
    label: () => m.remove.confirm,
    icon: Trash2,
    danger: true,
    bulk: true,
    needs: () => [{ verb: 'delete', ...self }],
    when: (cluster) => !cluster.metadata.deletionTimestamp,
    dialog: () => import('@/pages/clusters/DeleteDialog.vue'),
  }),
]

export const clusterKind = defineKind<Cluster>({
  ...CLUSTERS,
  kind: 'Cluster',
  namespaced: false,
  title: () => m.title,
  singular: () => m.singular,
  about: () => m.about,
  icon: Server,
  displayName: nameOf,
  state: clusterState,
  isInternal: (cluster) => cluster.spec?.internal === true,
  columns: [
    { id: 'harvester-version', label: () => m.columns.harvesterVersion, value: (cluster) => cluster.metadata.name, cell: HarvesterVersion, width: 'minmax(142px, 1fr)' },
    { id: 'kubernetes-version', label: () => m.columns.kubernetesVersion, value: (cluster) => cluster.status?.version?.gitVersion, fact: true, width: 'minmax(156px, 1.2fr)' },
    { id: 'machines', label: () => m.columns.machines, value: (cluster) => cluster.status?.nodeCount, format: 'number', width: '92px' },
    { id: 'description', label: () => m.columns.description, value: descriptionOf, hidden: true },
  ],
})
