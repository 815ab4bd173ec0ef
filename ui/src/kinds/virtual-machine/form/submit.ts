/** Sends a form: new machines with their Secrets, or what changed of one. */
import { isApiError } from '@/core/http'
import { create, patch, read } from '@/core/resources'
import { isSame } from '@/core/same'
import type { Scope } from '@/core/scope'
import { merge3 } from '@/core/yaml'

import { mergePatch } from '../../merge-patch'
import { annotation, cloudInitOf, MACHINES, SECRETS, specOf, type VirtualMachine } from '../types'
import { cloudInitData, cloudInitSecret, type SecretObject } from './cloud-init-volume'
import { credentialSecret, credentialSecrets, secretChanges, withUsers, type SecretChange } from './credentials'
import { formMessages as m } from './messages'
import { namesOf, type CredentialRow, type MachineModel } from './model'
import { HOT_PLUG } from './read'
import { writeModel, type WriteOptions } from './write'

export type Basis = Omit<WriteOptions, 'isNew' | 'name' | 'index'>

/** How often a change is put on top of other people's before we give up. */
const MAX_ATTEMPTS = 4

/** The manifests of a form's machines. */
export function manifestsOf(model: MachineModel, basis: Basis): VirtualMachine[] {
  return namesOf({ ...model, name: model.name.trim() }).map((name, index) => writeModel({ ...model, name: model.name.trim() }, { ...basis, isNew: true, name, index }))
}

/**
 * Makes the machines of a form. What was made stays remembered, so that trying again after a failure half-way goes on
 * where it stopped.
 */
export class Creation {
  private readonly made = new Map<string, VirtualMachine>()
  private readonly stored = new Set<string>()

  constructor(private readonly scope: Scope) {}

  async write(model: MachineModel, basis: Basis, { dryRun }: { dryRun: boolean }): Promise<VirtualMachine[]> {
    const machines = manifestsOf(model, basis)
    const results: VirtualMachine[] = []
    for (const [index, manifest] of machines.entries()) {
      const machine = this.made.get(keyOf(manifest)) ?? (await create(this.scope, MACHINES, manifest, { dryRun }))
      if (!dryRun) this.made.set(keyOf(manifest), machine)
      results.push(machine)
      await this.store(model, machine, index, dryRun)
      await this.storeCredentials(secretChanges(model, basis.before, machine.metadata.name, index, basis.facts.publicKey), machine, dryRun)
    }
    return results
  }

  /** The Secret belongs to the machine, which therefore comes first and waits for it. */
  private async store(model: MachineModel, machine: VirtualMachine, index: number, dryRun: boolean): Promise<void> {
    if (!model.hasCloudInit || this.stored.has(keyOf(machine))) return
    const secret = cloudInitSecret(model, dryRun ? { ...machine, metadata: { ...machine.metadata, uid: '' } } : machine, index)
    try {
      await create(this.scope, SECRETS, secret, { dryRun })
    } catch (error) {
      // It was stored before, and only the answer was lost.
      if (!isApiError(error, 409)) throw dryRun ? error : new Error(m.secretFailed(machine.metadata.name), { cause: error })
    }
    if (!dryRun) this.stored.add(keyOf(machine))
  }

  private async storeCredentials(changes: readonly SecretChange[], machine: VirtualMachine, dryRun: boolean): Promise<void> {
    for (const change of changes) {
      const id = `${machine.metadata.namespace}/${change.name}`
      if (this.stored.has(id)) continue
      try {
        await saveSecret(this.scope, change, dryRun ? { ...machine, metadata: { ...machine.metadata, uid: '' } } : machine, { dryRun })
      } catch (error) {
        throw dryRun ? error : new Error(m.credentialsFailed(machine.metadata.name), { cause: error })
      }
      if (!dryRun) this.stored.add(id)
    }
  }
}

const keyOf = ({ metadata }: VirtualMachine): string => `${metadata.namespace}/${metadata.name}`

/** Fields that others may change all the time without anybody losing anything. */
function withoutLife(machine: VirtualMachine): unknown {
  const { status: _, ...rest } = machine
  const { resourceVersion: __, generation: ___, managedFields: ____, ...metadata } = rest.metadata as VirtualMachine['metadata'] & { managedFields?: unknown }
  return { ...rest, metadata }
}

/**
 * Saves an edit as a patch on top of the machine as it is now. What others changed meanwhile stays; where both changed
 * the same, it is said once, and saving again puts ours in its place.
 */
export class Edit {
  private told = ''

  constructor(
    private readonly scope: Scope,
    private readonly base: VirtualMachine,
  ) {}

  async write(desired: VirtualMachine, { dryRun }: { dryRun: boolean }): Promise<VirtualMachine> {
    for (let attempt = 1; ; attempt++) {
      const now = await read<VirtualMachine>(this.scope, MACHINES, desired.metadata)
      const { merged, conflicts } = merge3(withoutLife(this.base), withoutLife(desired), withoutLife(now))
      const fields = conflicts.map(({ path }) => path.join('.')).join(', ')
      if (fields !== this.told) {
        this.told = fields
        if (fields !== '') throw new Error(m.changedMeanwhile(fields))
      }
      const change = mergePatch(withoutLife(now), merged) as { metadata?: object } | undefined
      if (change === undefined) return now
      const guarded = { ...change, metadata: { ...change.metadata, resourceVersion: now.metadata.resourceVersion } }
      try {
        return await patch<VirtualMachine>(this.scope, MACHINES, desired.metadata, guarded, { dryRun })
      } catch (error) {
        if (!isApiError(error, 409) || attempt >= MAX_ATTEMPTS) throw error
      }
    }
  }
}

/** Cloud-init's texts of a machine: in its manifest, or in the Secret that it names. */
export async function readCloudInit(scope: Scope, machine: VirtualMachine, decode: (text: string | undefined) => string): Promise<{ userData: string; networkData: string } | null> {
  const found = cloudInitOf(machine)
  if (!found) return { userData: '', networkData: '' }
  const { userData, userDataBase64, networkData, networkDataBase64, secretRef, networkDataSecretRef } = found.source
  const texts = { userData: userData ?? decode(userDataBase64), networkData: networkData ?? decode(networkDataBase64) }
  const { namespace } = machine.metadata
  try {
    if (secretRef) texts.userData = decode((await read<SecretObject>(scope, SECRETS, { namespace, name: secretRef.name })).data?.['userdata'])
    if (networkDataSecretRef) texts.networkData = decode((await read<SecretObject>(scope, SECRETS, { namespace, name: networkDataSecretRef.name })).data?.['networkdata'])
    return texts
  } catch {
    return null
  }
}

/** Stores edited texts where they came from. Texts in the manifest are part of the machine's own patch. */
export async function saveCloudInit(scope: Scope, machine: VirtualMachine, model: MachineModel, before: MachineModel, { dryRun }: { dryRun: boolean }): Promise<void> {
  if (!model.hasCloudInit) return
  if (!before.hasCloudInit) {
    await create(scope, SECRETS, cloudInitSecret(model, machine, 0), { dryRun })
    return
  }
  if (isSame([model.userData, model.networkData], [before.userData, before.networkData])) return
  const source = cloudInitOf(machine)?.source
  const { userdata = '', networkdata = '' } = cloudInitData(model)
  const { namespace } = machine.metadata
  const data = new Map<string, Record<string, string>>()
  if (source?.secretRef) data.set(source.secretRef.name, { userdata })
  if (source?.networkDataSecretRef) data.set(source.networkDataSecretRef.name, { ...data.get(source.networkDataSecretRef.name), networkdata })
  for (const [name, texts] of data) await patch(scope, SECRETS, { namespace, name }, { data: texts }, { dryRun })
}

/** A Secret of credentials: made, or changed where it is there. */
async function saveSecret(scope: Scope, change: SecretChange, machine: VirtualMachine, { dryRun }: { dryRun: boolean }): Promise<void> {
  try {
    await create(scope, SECRETS, credentialSecret(change, machine), { dryRun })
  } catch (error) {
    if (!isApiError(error, 409)) throw error
    await patch(scope, SECRETS, { namespace: machine.metadata.namespace, name: change.name }, { data: change.data }, { dryRun })
  }
}

/** Stores what was typed of credentials. Secrets that no row names any more stay until their machine goes. */
export async function saveCredentials(scope: Scope, machine: VirtualMachine, changes: readonly SecretChange[], options: { dryRun: boolean }): Promise<void> {
  for (const change of changes) await saveSecret(scope, change, machine, options)
}

/** The rows of credentials with what their Secrets tell. */
export async function readUsers(scope: Scope, namespace: string | undefined, rows: readonly CredentialRow[]): Promise<CredentialRow[]> {
  const found = await Promise.all(credentialSecrets(rows).map((name) => read<SecretObject>(scope, SECRETS, { namespace, name }).catch(() => undefined)))
  return withUsers(rows, new Map(found.flatMap((secret) => (secret ? [[secret.metadata.name, secret] as const] : []))))
}

/** Whether an edit takes effect only when the machine is started again. */
export function needsRestart(before: VirtualMachine, after: VirtualMachine): boolean {
  return !isSame(atRest(before), atRest(after))
}

/** What the machine is made of, without what can change while it runs. */
function atRest(machine: VirtualMachine): unknown {
  const spec = structuredClone(specOf(machine))
  if (annotation(machine, HOT_PLUG) === 'true') {
    delete spec.domain?.cpu?.sockets
    delete spec.domain?.memory?.guest
  }
  return [spec, machine.spec?.template?.metadata]
}
