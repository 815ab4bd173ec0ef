/** The devices a machine has for itself. Pure. */
import { listAt, textAt } from '@/core/kubernetes'
import { isSame } from '@/core/same'

import type { Draft } from './draft'
import type { DeviceRow, MachineModel } from './model'

const DEVICES = ['spec', 'template', 'spec', 'domain', 'devices']

export function writeDevices(draft: Draft, model: MachineModel, before: MachineModel): void {
  for (const list of ['hostDevices', 'gpus'] as const) {
    if (!isSame(model[list], before[list])) writeList(draft, [...DEVICES, list], model[list])
  }
}

/** Devices stay as they are, also those without a name, which the form does not show. */
function writeList(draft: Draft, path: string[], rows: readonly DeviceRow[]): void {
  const present = listAt(draft.root, ...path)
  const known = new Map(present.map((device) => [textAt(device, 'name') ?? '', device]))
  const nameless = present.filter((device) => !textAt(device, 'name'))
  const devices = [...nameless, ...rows.map(({ name, resource }) => known.get(name) ?? { name, deviceName: resource })]
  draft.set(path, devices.length > 0 ? devices : undefined)
}
