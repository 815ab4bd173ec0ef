/** One object of each kind that a fresh cluster has none of. */
import { expect, send, type Cluster } from './world'

export const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtoDkpM0hTo0i2x7ZtQzq0bHXH1v4rS2aVYJ3w5q0yF'
const HARVESTER = 'harvesterhci.io/v1beta1'
const NETWORK = 'network.harvesterhci.io/v1beta1'
const BALANCER = 'loadbalancer.harvesterhci.io/v1beta1'
const DEVICES = 'devices.harvesterhci.io/v1beta1'

interface Made {
  apiVersion: string
  kind: string
  /** As in addresses. */
  resource: string
  isClusterWide?: boolean
  metadata?: object
  [field: string]: unknown
}

const claim = { accessModes: ['ReadWriteMany'], resources: { requests: { storage: '1Gi' } } }
const machine = { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: 'vm-0001' }

/** `text` stands wherever people write something. */
export const objects = (text: string): Made[] => [
  { apiVersion: HARVESTER, kind: 'VirtualMachineImage', resource: 'virtualmachineimages', spec: { displayName: text, sourceType: 'download', url: 'https://a.example.org/a.img', retry: 0, checksum: '' } },
  { apiVersion: HARVESTER, kind: 'KeyPair', resource: 'keypairs', spec: { publicKey: `${KEY} ${text}` } },
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim', resource: 'persistentvolumeclaims', spec: claim },
  { apiVersion: 'v1', kind: 'ConfigMap', resource: 'configmaps', metadata: { labels: { 'harvesterhci.io/cloud-init-template': 'user' } }, data: { cloudInit: text } },
  { apiVersion: 'v1', kind: 'Secret', resource: 'secrets', type: 'Opaque', data: { a: Buffer.from(text).toString('base64') } },
  {
    apiVersion: 'v1',
    kind: 'Event',
    resource: 'events',
    involvedObject: { kind: 'VirtualMachine', namespace: 'default', name: 'vm-0001', apiVersion: 'kubevirt.io/v1' },
    type: 'Warning',
    reason: text,
    message: text,
    lastTimestamp: '2026-01-01T00:00:00Z',
  },
  { apiVersion: NETWORK, kind: 'ClusterNetwork', resource: 'clusternetworks', isClusterWide: true },
  { apiVersion: NETWORK, kind: 'VlanConfig', resource: 'vlanconfigs', isClusterWide: true, spec: { clusterNetwork: 'one', uplink: { nics: ['eth1'], bondOptions: { mode: 'active-backup' } } } },
  {
    apiVersion: 'k8s.cni.cncf.io/v1',
    kind: 'NetworkAttachmentDefinition',
    resource: 'network-attachment-definitions',
    metadata: { labels: { 'network.harvesterhci.io/type': 'L2VlanNetwork', 'network.harvesterhci.io/clusternetwork': 'one', 'network.harvesterhci.io/vlan-id': '7' } },
    spec: { config: JSON.stringify({ cniVersion: '0.3.1', name: 'one', type: 'bridge', bridge: 'one-br', promiscMode: true, vlan: 7, ipam: {} }) },
  },
  { apiVersion: BALANCER, kind: 'IPPool', resource: 'ippools', isClusterWide: true, spec: { ranges: [{ subnet: '10.1.0.0/24', gateway: '10.1.0.1' }] } },
  { apiVersion: BALANCER, kind: 'LoadBalancer', resource: 'loadbalancers', spec: { ipam: 'dhcp', workloadType: 'vm', listeners: [{ name: 'http', port: 80, protocol: 'TCP', backendPort: 8080 }], backendServerSelector: { tier: ['web'] } } },
  { apiVersion: HARVESTER, kind: 'ScheduleVMBackup', resource: 'schedulevmbackups', metadata: { name: 'svmsnapshot-vm-0001' }, spec: { cron: '0 2 * * *', retain: 8, maxFailure: 4, vmbackup: { type: 'snapshot', source: machine } } },
  { apiVersion: HARVESTER, kind: 'VirtualMachineBackup', resource: 'virtualmachinebackups', spec: { type: 'snapshot', source: machine } },
  { apiVersion: HARVESTER, kind: 'VirtualMachineBackup', resource: 'virtualmachinebackups', metadata: { name: 'two' }, spec: { type: 'backup', source: machine } },
  { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot', resource: 'volumesnapshots', spec: { volumeSnapshotClassName: 'longhorn-snapshot', source: { persistentVolumeClaimName: 'one' } } },
  { apiVersion: DEVICES, kind: 'PCIDevice', resource: 'pcidevices', isClusterWide: true, status: { address: '0000:04:00.0', description: text, nodeName: 'one', vendorId: '10de', deviceId: '2204', classId: '0300', iommuGroup: '7' } },
  { apiVersion: DEVICES, kind: 'USBDevice', resource: 'usbdevices', isClusterWide: true, status: { devicePath: '/dev/bus/usb/001/002', description: text, nodeName: 'one', vendorID: '0951', productID: '1666' } },
  { apiVersion: DEVICES, kind: 'SRIOVNetworkDevice', resource: 'sriovnetworkdevices', isClusterWide: true, spec: { address: '0000:05:00.0', nodeName: 'one', numVFs: 0 } },
  { apiVersion: DEVICES, kind: 'SRIOVGPUDevice', resource: 'sriovgpudevices', isClusterWide: true, spec: { address: '0000:06:00.0', nodeName: 'one', enabled: false } },
  { apiVersion: DEVICES, kind: 'VGPUDevice', resource: 'vgpudevices', isClusterWide: true, spec: { address: '0000:06:00.4', nodeName: 'one', enabled: false, parentGPUDeviceAddress: '0000:06:00.0' }, status: { availableTypes: { 'NVIDIA A2-4Q': '474' } } },
]

/** Makes them by the cluster's own API. */
export async function furnish(harvester: Cluster, text: string): Promise<void> {
  for (const { resource, isClusterWide = false, metadata, ...object } of objects(text)) {
    const group = object.apiVersion === 'v1' ? '/api/v1' : `/apis/${object.apiVersion}`
    const path = `${group}${isClusterWide ? '' : '/namespaces/default'}/${resource}`
    const made = { ...object, metadata: { name: 'one', ...(!isClusterWide && { namespace: 'default' }), ...metadata } }
    const { code, body } = await send('POST', harvester.url + path, harvester.token, made)
    expect(code, `${resource}: ${JSON.stringify(body)}`).toBe(201)
    const { status } = made as { status?: object }
    if (!status) continue
    // Where the status is a resource of its own, it was left out of what was made.
    const said = await send('PATCH', `${harvester.url}${path}/${made.metadata.name}/status`, harvester.token, { status }, 'application/merge-patch+json')
    expect([200, 404], `${resource}: ${JSON.stringify(said.body)}`).toContain(said.code)
  }
}
