/**
 * Volumes that move to other volumes while their machine runs. Harvester reads where to from the list of claims, tells
 * KubeVirt, and puts the list in order when it is done. Pure.
 */
import { CLAIM_TEMPLATES, claimTemplatesOf, named, specOf, type ClaimTemplate, type VirtualMachine } from './types'

const WAITING = 'harvesterhci.io/waitingStorageMigration'

const targetOf = (template: ClaimTemplate): string => (typeof template['targetVolume'] === 'string' ? template['targetVolume'] : '')

export const isMovingStorage = (machine: VirtualMachine): boolean => claimTemplatesOf(machine).some((template) => targetOf(template) !== '')

/** The claims of the machine that can move: those that Harvester lists, and that are a volume of it. */
export function movableClaims(machine: VirtualMachine): string[] {
  const used = new Set(named(specOf(machine).volumes).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []))
  return claimTemplatesOf(machine)
    .filter((template) => targetOf(template) === '')
    .map(({ metadata }) => metadata.name)
    .filter((name) => used.has(name))
}

export function movePatch(machine: VirtualMachine, source: string, target: string): object {
  const templates = claimTemplatesOf(machine).map((template) => (template.metadata.name === source ? { ...template, targetVolume: target } : template))
  return { metadata: { resourceVersion: machine.metadata.resourceVersion, annotations: { [CLAIM_TEMPLATES]: JSON.stringify(templates) } } }
}

/** Everything that is on its way goes back to where it was. */
export function cancelMovePatch(machine: VirtualMachine): object {
  const sources = new Map(claimTemplatesOf(machine).flatMap((template) => (targetOf(template) === '' ? [] : [[targetOf(template), template.metadata.name] as const])))
  const templates = claimTemplatesOf(machine).map(({ targetVolume: _, ...template }) => template)
  const volumes = named(specOf(machine).volumes).map((volume) => {
    const claim = volume.persistentVolumeClaim
    const source = sources.get(claim?.claimName ?? '')
    return claim && source ? { ...volume, persistentVolumeClaim: { ...claim, claimName: source } } : volume
  })
  return {
    metadata: { resourceVersion: machine.metadata.resourceVersion, annotations: { [CLAIM_TEMPLATES]: JSON.stringify(templates), [WAITING]: null } },
    spec: { updateVolumesStrategy: null, template: { spec: { volumes } } },
  }
}
