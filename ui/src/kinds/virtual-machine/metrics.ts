/** What a running machine takes of its host right now, from the cluster's resource metrics. Pure. */
import { listAt, textAt, type KubeObject } from '@/core/kubernetes'
import { parseQuantity } from '@/core/quantity'

/** In which the machine itself runs; what else is in its Pod is small. */
const CONTAINER = 'compute'

export interface MachineUsage {
  cores: number
  /** Bytes. */
  memory: number
  /** When it was measured, RFC 3339. */
  at: string
}

/** The latest measurement: while a machine migrates it has two Pods. */
export function usageOf(pods: readonly KubeObject[]): MachineUsage | undefined {
  const found = pods.flatMap((pod): MachineUsage[] => {
    const container = listAt(pod, 'containers').find((candidate) => textAt(candidate, 'name') === CONTAINER)
    const cores = parseQuantity(textAt(container, 'usage', 'cpu'))
    const memory = parseQuantity(textAt(container, 'usage', 'memory'))
    return cores === undefined || memory === undefined ? [] : [{ cores, memory, at: textAt(pod, 'timestamp') ?? '' }]
  })
  return found.toSorted((a, b) => b.at.localeCompare(a.at))[0]
}
