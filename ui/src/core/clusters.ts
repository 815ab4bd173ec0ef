/** Imported clusters as the server keeps them: the two halves, their names, their state in one word and a sentence. */
import { computed, type ComputedRef } from 'vue'

import { CLUSTER as CLUSTERS, type Cluster } from '@/api/management.cattle.io'
import { CLUSTER as PROVISIONING, type Cluster as ProvisioningCluster } from '@/api/provisioning.cattle.io'

import { accessOf } from './access'
import { findCondition, isTrue, type Condition } from './kubernetes'
import { clusterMessages as m } from './cluster-messages'
import { useList, type LiveList } from './resources'
import { management } from './scope'
import { state, type State } from './state'
import { request } from './http'
import { scopeOf } from './scope'

export type { Cluster, ClusterRegistrationToken as RegistrationToken } from '@/api/management.cattle.io'
export type { Cluster as ProvisioningCluster } from '@/api/provisioning.cattle.io'
export { CLUSTER as CLUSTERS, CLUSTER_REGISTRATION_TOKEN as REGISTRATION_TOKENS } from '@/api/management.cattle.io'
export { CLUSTER as PROVISIONING } from '@/api/provisioning.cattle.io'

/** One variable of the agent's environment. */
export type EnvVar = NonNullable<NonNullable<ProvisioningCluster['spec']>['agentEnvVars']>[number]

/** Where imported clusters' provisioning objects live. */
export const WORKSPACE = 'fleet-default'
export const DESCRIPTION = 'field.cattle.io/description'
const PROVISIONED_BY = 'clusters.grange/provisioned-by'

export const nameOf = (cluster: Cluster): string => cluster.spec?.displayName || cluster.metadata.name
export const descriptionOf = (cluster: Cluster): string => cluster.spec?.description ?? cluster.metadata.annotations?.[DESCRIPTION] ?? ''
/** Whether the person may import clusters; not known yet is `undefined`. Reactive. */
export const mayImport = (): boolean | undefined => accessOf(management).may({ verb: 'create', group: PROVISIONING.group, resource: PROVISIONING.resource, namespace: WORKSPACE })
/** Where the provisioning half is; clusters that were made without one have it under their own id. */
export function provisioningOf(cluster: Cluster): { namespace: string; name: string } {
  const [namespace = WORKSPACE, name = cluster.metadata.name] = cluster.metadata.annotations?.[PROVISIONED_BY]?.split('/') ?? []
  return { namespace, name }
}

export const isReady = (cluster: Cluster): boolean => isTrue(cluster, 'Ready')

/** One source of truth, and why (never a flag of its own): the conditions. */
export function clusterState(cluster: Cluster): State {
  const ready = findCondition(cluster, 'Ready')
  if (cluster.metadata.deletionTimestamp) return state('working', m.states.removing, findCondition(cluster, 'Removed')?.message)
  if (ready?.status === 'True') return state('ok', m.states.ready)
  const failing = importSteps(cluster).find((condition) => condition.status === 'False' && condition.reason !== 'NeverConnected')
  if (isTrue(cluster, 'Provisioned')) {
    return ready?.reason === 'Disconnected'
      ? state('problem', m.states.unreachable, ready.message)
      : state(ready?.status === 'False' ? 'problem' : 'working', ready?.status === 'False' ? m.states.degraded : m.states.connecting, ready?.message)
  }
  if (failing) return state('problem', m.states.failed, failing.message)
  const isFetched = isTrue(cluster, 'ManifestFetched')
  const waiting = importSteps(cluster).find((condition) => condition.status !== 'True')
  return state(isFetched ? 'working' : 'attention', isFetched ? m.states.importing : m.states.waiting, waiting?.message)
}

/** The conditions of an import, in their order. */
function importSteps(cluster: Cluster): Condition[] {
  return ['ManifestFetched', 'AgentStarted', 'AgentEnrolled', 'Connected', 'Ready']
    .map((type) => findCondition(cluster, type))
    .filter((condition) => condition !== undefined)
}

const compare = (a: Cluster, b: Cluster): number => nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true })

/** Every imported cluster that the person may see, by name. One list over one watch for the whole console. */
export function useClusters(): LiveList<Cluster> & { clusters: ComputedRef<Cluster[]> } {
  const list = useList<Cluster>({ scope: management, gvr: CLUSTERS })
  return {
    ...list,
    clusters: computed(() => list.items.value.filter((cluster) => cluster.spec?.internal !== true).sort(compare)),
  }
}

const versions = new Map<string, Promise<string | undefined>>()

/** The Harvester version of a cluster, asked of the cluster once; it changes only by an upgrade. */
export function harvesterVersion(id: string): Promise<string | undefined> {
  let version = versions.get(id)
  if (!version) {
    version = request<{ value?: string }>(`${scopeOf(id).base}/apis/harvesterhci.io/v1beta1/settings/server-version`)
      .then(({ value }) => value)
      .catch(() => {
        versions.delete(id)
        return undefined
      })
    versions.set(id, version)
  }
  return version
}
