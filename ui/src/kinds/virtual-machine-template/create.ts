/**
 * Makes templates: the template, a version of it, and the Secrets that the version's cloud config needs. What was made
 * stays remembered, so that trying again after a failure half-way goes on where it stopped.
 */
import { isApiError } from '@/core/http'
import type { KubeObject } from '@/core/kubernetes'
import { create, patch, read } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { newObject } from '../new-object'
import { contentOf, secretCopy, templateOf, type ClaimObject, type Owner, type TemplateContent } from '../virtual-machine/copies'
import { cloudInitSecret } from '../virtual-machine/form/cloud-init-volume'
import { newKey, type MachineModel } from '../virtual-machine/form/model'
import { manifestsOf, type Basis } from '../virtual-machine/form/submit'
import { HARVESTER, IMAGES, SECRETS, TEMPLATE_VERSIONS, TEMPLATES, type VirtualMachine } from '../virtual-machine/types'
import { templateMessages } from './messages'
import { idOf, type MachineTemplate, type TemplateVersion } from './objects'

const API_VERSION = `${HARVESTER}/v1beta1`

interface Version {
  namespace: string
  /** Of the template. */
  name: string
  description: string
  content: TemplateContent
}

export interface TemplateTarget {
  /** A version of a template that exists, rather than a new template. */
  isVersion: boolean
  versionDescription: string
  isDefault: boolean
}

export class TemplateCreation {
  private template: MachineTemplate | undefined
  private version: TemplateVersion | undefined
  private readonly stored = new Set<string>()
  private readonly key = newKey()

  constructor(private readonly scope: Scope) {}

  /** From a machine: `withData` makes images of its volumes first. */
  async fromMachine(source: VirtualMachine, claims: ReadonlyMap<string, ClaimObject>, { name, description, withData }: { name: string; description: string; withData: boolean }): Promise<TemplateVersion> {
    const { namespace = '' } = source.metadata
    const images = withData ? await this.exportVolumes(namespace, name, [...claims.keys()]) : new Map<string, { id: string }>()
    const { content, secrets } = templateOf(source, { name, key: this.key, claim: (claim) => claims.get(claim), images })
    const originals = await Promise.all([...secrets].map(async ([old, next]) => ({ next, secret: await read<KubeObject>(this.scope, SECRETS, { namespace, name: old }) })))
    await this.makeTemplate({ namespace, name, description, dryRun: false })
    const version = await this.makeVersion({ namespace, name, description, content }, false)
    for (const { next, secret } of originals) await this.store(secretCopy(secret, next, ownerOf(version)))
    return version
  }

  /** From a form. */
  async write(model: MachineModel, basis: Basis, target: TemplateTarget, { dryRun }: { dryRun: boolean }): Promise<TemplateVersion | undefined> {
    const [machine] = manifestsOf({ ...model, count: 1 }, basis)
    if (!machine) return undefined
    const { namespace = '', name } = machine.metadata
    const content = contentOf(machine, { ...machine.metadata.annotations }, model.sshKeys)
    if (!target.isVersion) {
      await this.makeTemplate({ namespace, name, description: model.description, dryRun })
      // The cluster checks a version against its template, which a dry run has not made.
      if (dryRun) return undefined
    }
    const version = await this.makeVersion({ namespace, name, description: target.isVersion ? target.versionDescription : model.description, content }, dryRun)
    if (dryRun) return version
    if (model.hasCloudInit) await this.storeCloudInit(model, machine, version)
    if (target.isVersion && target.isDefault) await patch(this.scope, TEMPLATES, { namespace, name }, { spec: { defaultVersionId: idOf(version) } })
    return version
  }

  private async storeCloudInit(model: MachineModel, machine: VirtualMachine, version: TemplateVersion): Promise<void> {
    const secret = cloudInitSecret(model, machine, 0)
    const { uid: ownerUid = '', name: ownerName } = version.metadata
    secret.metadata.ownerReferences = [{ apiVersion: API_VERSION, kind: 'VirtualMachineTemplateVersion', name: ownerName, uid: ownerUid }]
    try {
      await this.store(secret)
    } catch (error) {
      throw new Error(templateMessages.form.secretFailed, { cause: error })
    }
  }

  private async exportVolumes(namespace: string, name: string, claims: string[]): Promise<ReadonlyMap<string, { id: string }>> {
    const images = new Map<string, { id: string }>()
    for (const claim of claims) {
      const image = await create<KubeObject>(
        this.scope,
        IMAGES,
        newObject(API_VERSION, 'VirtualMachineImage', { generateName: 'image-', namespace }, { spec: { displayName: `${name}-${claim}`, sourceType: 'export-from-volume', pvcName: claim, pvcNamespace: namespace, retry: 3 } }),
      )
      images.set(claim, { id: idOf(image) })
    }
    return images
  }

  private async makeTemplate({ namespace, name, description, dryRun }: { namespace: string; name: string; description: string; dryRun: boolean }): Promise<void> {
    if (this.template) return
    const template = await create<MachineTemplate>(
      this.scope,
      TEMPLATES,
      { apiVersion: API_VERSION, kind: 'VirtualMachineTemplate', metadata: { name, namespace }, spec: { description, defaultVersionId: '' } },
      { dryRun },
    )
    if (!dryRun) this.template = template
  }

  private async makeVersion({ namespace, name, description, content }: Version, dryRun: boolean): Promise<TemplateVersion> {
    if (this.version) return this.version
    const version = await create<TemplateVersion>(
      this.scope,
      TEMPLATE_VERSIONS,
      newObject(API_VERSION, 'VirtualMachineTemplateVersion', { generateName: `${name}-`, namespace }, { spec: { templateId: `${namespace}/${name}`, description, imageId: '', ...content } }),
      { dryRun },
    )
    if (!dryRun) this.version = version
    return version
  }

  private async store(secret: KubeObject): Promise<void> {
    if (this.stored.has(secret.metadata.name)) return
    await create(this.scope, SECRETS, secret).catch((error: unknown) => {
      if (!isApiError(error, 409)) throw error
    })
    this.stored.add(secret.metadata.name)
  }
}

const ownerOf = ({ metadata }: TemplateVersion): Owner => ({ apiVersion: API_VERSION, kind: 'VirtualMachineTemplateVersion', metadata })
