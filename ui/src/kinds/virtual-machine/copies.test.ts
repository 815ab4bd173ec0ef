import { describe, expect, it } from 'vitest'

import { cloneOf, secretCopy, templateOf, machineOwner, type ClaimObject } from './copies'
import { complete } from './form/samples'
import { claimTemplatesOf, specOf, type VirtualMachine } from './types'

const claims: Record<string, ClaimObject> = {
  'web01-disk-0-k3x9q': {
    metadata: { name: 'web01-disk-0-k3x9q', annotations: { 'harvesterhci.io/imageId': 'harvester-public/image-abcde' } },
    spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', storageClassName: 'longhorn-image-abcde', resources: { requests: { storage: '10Gi' } } },
  },
}
const claim = (name: string): ClaimObject | undefined => claims[name]

describe('a clone with data', () => {
  const { machine, secrets } = cloneOf(complete, { name: 'web02', key: 'abcde', runStrategy: 'Halted', claim })

  it('is a machine of its own', () => {
    expect(machine.metadata).toEqual({
      name: 'web02',
      namespace: 'demo',
      labels: complete.metadata.labels,
      annotations: { 'network.harvesterhci.io/ips': '[]', 'harvesterhci.io/reservedMemory': '256Mi', 'harvesterhci.io/volumeClaimTemplates': expect.any(String) as string },
    })
    expect(machine.spec?.runStrategy).toBe('Halted')
    expect(machine.spec?.template?.metadata?.labels).toEqual({ 'harvesterhci.io/vmName': 'web02' })
    expect(specOf(machine).hostname).toBe('web02')
    expect(specOf(machine).domain?.devices?.interfaces?.[1]?.macAddress).toBeUndefined()
  })

  it('gets copies of the volumes, which say what they were made from', () => {
    expect(claimTemplatesOf(machine)).toEqual([
      {
        metadata: { name: 'web02-disk-0-abcde', annotations: { 'harvesterhci.io/imageId': 'harvester-public/image-abcde' } },
        spec: {
          accessModes: ['ReadWriteMany'],
          resources: { requests: { storage: '10Gi' } },
          volumeMode: 'Block',
          storageClassName: 'longhorn-image-abcde',
          dataSource: { kind: 'PersistentVolumeClaim', name: 'web01-disk-0-k3x9q' },
        },
      },
      {
        metadata: { name: 'web02-disk-1-abcde', annotations: {} },
        spec: { accessModes: ['ReadWriteMany'], resources: { requests: {} }, volumeMode: 'Block', dataSource: { kind: 'PersistentVolumeClaim', name: 'web01-disk-1-p0o9i' } },
      },
    ])
    expect(specOf(machine).volumes?.map((volume) => volume.persistentVolumeClaim?.claimName)).toEqual(['web02-disk-0-abcde', 'web02-disk-1-abcde', undefined, undefined])
  })

  it('gets copies of the Secrets, which belong to it', () => {
    expect([...secrets]).toEqual([['web01-x7yzq', 'web02-abcde']])
    expect(specOf(machine).volumes?.at(-1)?.cloudInitNoCloud).toEqual({ secretRef: { name: 'web02-abcde' }, networkDataSecretRef: { name: 'web02-abcde' } })
    const copy = secretCopy({ metadata: { name: 'web01-x7yzq', namespace: 'demo' }, data: { userdata: 'eA==' } }, 'web02-abcde', machineOwner({ ...machine, metadata: { ...machine.metadata, uid: 'u2' } }))
    expect(copy).toMatchObject({ metadata: { name: 'web02-abcde', namespace: 'demo', ownerReferences: [{ kind: 'VirtualMachine', name: 'web02', uid: 'u2' }] }, type: 'Opaque', data: { userdata: 'eA==' } })
  })

  it('takes along the Secrets of credentials, once each', () => {
    const source: VirtualMachine = structuredClone(complete)
    specOf(source)['accessCredentials'] = [
      { userPassword: { source: { secret: { secretName: 'pw' } } } },
      { sshPublicKey: { source: { secret: { secretName: 'web01-x7yzq' } } } },
    ]
    const copy = cloneOf(source, { name: 'web02', key: 'abcde', runStrategy: 'Always', claim })
    expect([...copy.secrets.keys()]).toEqual(['web01-x7yzq', 'pw'])
    expect(new Set(copy.secrets.values()).size).toBe(2)
    expect(JSON.stringify(specOf(copy.machine)['accessCredentials'])).not.toContain('"pw"')
  })

  it('leaves the original as it is', () => {
    expect(specOf(complete).hostname).toBe('web01')
    expect(JSON.stringify(complete)).toContain('web01-x7yzq')
  })
})

describe('a template of a machine', () => {
  it('keeps images and settings, not names', () => {
    const { content, secrets } = templateOf(complete, { name: 'web', key: 'abcde', claim })
    expect(content.keyPairIds).toEqual(['demo/alice'])
    expect(content.vm.spec?.template?.spec?.hostname).toBeUndefined()
    expect(content.vm.spec?.template?.metadata?.labels).toEqual({})
    expect([...secrets]).toEqual([['web01-x7yzq', 'web-abcde']])
    const [first] = JSON.parse(content.vm.metadata.annotations['harvesterhci.io/volumeClaimTemplates'] ?? '[]') as { metadata: object; spec: object }[]
    expect(first).toEqual({
      metadata: { name: 'web01-disk-0-k3x9q', annotations: { 'harvesterhci.io/imageId': 'harvester-public/image-abcde' } },
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '10Gi' } }, volumeMode: 'Block', storageClassName: 'longhorn-image-abcde' },
    })
  })

  it('can be made with the data of its volumes, as images of them', () => {
    const images = new Map([['web01-disk-0-k3x9q', { id: 'demo/image-new' }]])
    const { content } = templateOf(complete, { name: 'web', key: 'abcde', claim, images })
    const [first] = JSON.parse(content.vm.metadata.annotations['harvesterhci.io/volumeClaimTemplates'] ?? '[]') as { metadata: object; spec: object }[]
    expect(first).toEqual({
      metadata: { name: 'web01-disk-0-k3x9q', annotations: { 'harvesterhci.io/imageId': 'demo/image-new' } },
      spec: { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '10Gi' } }, volumeMode: 'Block' },
    })
  })
})
