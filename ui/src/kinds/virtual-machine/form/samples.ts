/** Machines as clusters have them, for tests. */
import type { VirtualMachine } from '../types'
import type { Facts } from './write-volumes'

export const facts: Facts = {
  image: (id) => (id === 'harvester-public/image-abcde' ? { storageClass: 'longhorn-image-abcde' } : undefined),
  accessModes: () => ['ReadWriteMany'],
  defaultClass: 'harvester-longhorn',
  publicKey: (id) => (id === 'demo/alice' ? 'ssh-ed25519 AAAA alice' : undefined),
  claim: (name) =>
    name === 'old-data' ? { spec: { accessModes: ['ReadWriteMany'], volumeMode: 'Block', storageClassName: 'harvester-longhorn', resources: { requests: { storage: '5Gi' } } } } : undefined,
}

/** As Harvester's own console makes one, after Harvester's mutator has been over it. */
export const complete: VirtualMachine = {
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: {
    name: 'web01',
    namespace: 'demo',
    uid: '1',
    labels: { 'harvesterhci.io/creator': 'harvester', 'harvesterhci.io/os': 'ubuntu', 'harvesterhci.io/maintain-mode-strategy': 'Migrate', tier: 'front' },
    annotations: {
      'field.cattle.io/description': 'The shop',
      'network.harvesterhci.io/ips': '[]',
      'harvesterhci.io/reservedMemory': '256Mi',
      'harvesterhci.io/volumeClaimTemplates':
        '[{"metadata":{"name":"web01-disk-0-k3x9q","annotations":{"harvesterhci.io/imageId":"harvester-public/image-abcde"}},"spec":{"accessModes":["ReadWriteMany"],"resources":{"requests":{"storage":"10Gi"}},"volumeMode":"Block","storageClassName":"longhorn-image-abcde"}},{"metadata":{"name":"web01-disk-1-p0o9i","annotations":{}},"spec":{"accessModes":["ReadWriteMany"],"resources":{"requests":{"storage":"20Gi"}},"volumeMode":"Block","storageClassName":"harvester-longhorn"}}]',
    },
  },
  spec: {
    runStrategy: 'RerunOnFailure',
    template: {
      metadata: { annotations: { 'harvesterhci.io/sshNames': '["demo/alice"]' }, labels: { 'harvesterhci.io/vmName': 'web01' } },
      spec: {
        hostname: 'web01',
        evictionStrategy: 'LiveMigrateIfPossible',
        terminationGracePeriodSeconds: 120,
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'network.harvesterhci.io/mgmt', operator: 'In', values: ['true'] }] }] },
          },
        },
        networks: [
          { name: 'default', pod: {} },
          { name: 'nic-1', multus: { networkName: 'demo/vlan100' } },
        ],
        volumes: [
          { name: 'disk-0', persistentVolumeClaim: { claimName: 'web01-disk-0-k3x9q' } },
          { name: 'disk-1', persistentVolumeClaim: { claimName: 'web01-disk-1-p0o9i' } },
          { name: 'drv', containerDisk: { image: 'registry/virtio-container-disk' } },
          { name: 'cloudinitdisk', cloudInitNoCloud: { secretRef: { name: 'web01-x7yzq' }, networkDataSecretRef: { name: 'web01-x7yzq' } } },
        ],
        domain: {
          machine: { type: 'q35' },
          cpu: { cores: 2, sockets: 1, threads: 1, maxSockets: 1 },
          memory: { guest: '3840Mi' },
          resources: { limits: { cpu: '2', memory: '4Gi' }, requests: { cpu: '125m', memory: '2730Mi' } },
          features: { acpi: { enabled: true }, smm: { enabled: true } },
          firmware: { uuid: 'a-b-c', serial: 'd', bootloader: { efi: { secureBoot: true, persistent: true } } },
          devices: {
            inputs: [{ bus: 'usb', name: 'tablet', type: 'tablet' }],
            tpm: { persistent: true },
            interfaces: [
              { name: 'default', model: 'virtio', masquerade: {} },
              { name: 'nic-1', model: 'virtio', bridge: {}, macAddress: '52:54:00:aa:bb:cc' },
            ],
            disks: [
              { name: 'disk-0', disk: { bus: 'virtio' }, bootOrder: 1 },
              { name: 'disk-1', disk: { bus: 'virtio' }, bootOrder: 2, cache: 'none' },
              { name: 'drv', cdrom: { bus: 'sata' }, bootOrder: 3 },
              { name: 'cloudinitdisk', disk: { bus: 'virtio' } },
            ],
          },
        },
      },
    },
  },
  status: { printableStatus: 'Running' },
}

/** Made by hand, with much that the form does not know, in an order of its own. */
export const foreign: VirtualMachine = {
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: { name: 'legacy', namespace: 'demo' },
  spec: {
    running: true,
    template: {
      spec: {
        affinity: {
          nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, preference: { matchExpressions: [{ key: 'disk', operator: 'Exists' }] } }] },
          podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'db' } } }] },
        },
        tolerations: [{ key: 'x', operator: 'Exists' }],
        networks: [{ name: 'red', multus: { networkName: 'demo/red', default: true } }] as never,
        volumes: [
          { name: 'config', configMap: { name: 'settings' } },
          { name: 'root', dataVolume: { name: 'legacy-root' } },
          { name: 'seed', cloudInitConfigDrive: { userData: '#cloud-config\n' } },
        ],
        domain: {
          resources: { requests: { memory: '512Mi', cpu: '500m' } },
          devices: {
            interfaces: [{ name: 'red', sriov: {} }],
            disks: [
              { name: 'config', disk: {} },
              { name: 'seed', disk: { bus: 'virtio' } },
              { name: 'root', lun: { bus: 'scsi', reservation: true } as never, bootOrder: 1 },
            ],
          },
        },
      },
    },
  },
}

export const hotPluggable: VirtualMachine = {
  metadata: { name: 'elastic', namespace: 'demo', annotations: { 'harvesterhci.io/enableCPUAndMemoryHotplug': 'true' } },
  spec: {
    runStrategy: 'Always',
    template: {
      spec: {
        domain: {
          cpu: { cores: 1, threads: 1, sockets: 2, maxSockets: 8 },
          memory: { guest: '2Gi', maxGuest: '8Gi' },
          resources: { limits: { cpu: '8', memory: '8Gi' } },
          devices: {},
        },
      },
    },
  },
}

export const bare: VirtualMachine = { metadata: { name: 'bare' } }

export const samples: [string, VirtualMachine][] = [
  ['one of Harvester', complete],
  ['one made by hand', foreign],
  ['one that may grow', hotPluggable],
  ['one without a spec', bare],
]
