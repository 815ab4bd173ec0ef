import { defineMessages } from '@/core/i18n'

/** Devices of hosts in a machine's form and on its page. */
export const deviceMessages = defineMessages({
  en: {
    help: 'Devices of a host that the machine has for itself. It runs only on that host and cannot migrate.',
    sorts: { pci: 'PCI devices', usb: 'USB devices', vgpu: 'vGPU devices' },
    add: { pci: 'Add a PCI device…', usb: 'Add a USB device…', vgpu: 'Add a vGPU…' },
    none: { pci: 'No PCI device is enabled for passthrough', usb: 'No USB device is enabled for passthrough', vgpu: 'No vGPU is enabled' },
    remove: (name: string) => `Remove ${name}`,
    name: 'Name',
    kind: 'Type',
    resource: 'Resource',
    description: 'Description',
    kinds: { pci: 'PCI', usb: 'USB', vgpu: 'vGPU', unknown: 'Host device' },
  },
  de: {
    help: 'Geräte eines Hosts, die die Maschine für sich allein hat. Sie läuft dann nur auf diesem Host und kann nicht migrieren.',
    sorts: { pci: 'PCI-Geräte', usb: 'USB-Geräte', vgpu: 'vGPU-Geräte' },
    add: { pci: 'PCI-Gerät hinzufügen…', usb: 'USB-Gerät hinzufügen…', vgpu: 'vGPU hinzufügen…' },
    none: { pci: 'Kein PCI-Gerät ist zum Durchreichen eingeschaltet', usb: 'Kein USB-Gerät ist zum Durchreichen eingeschaltet', vgpu: 'Keine vGPU ist eingeschaltet' },
    remove: (name) => `${name} entfernen`,
    name: 'Name',
    kind: 'Art',
    resource: 'Ressource',
    description: 'Beschreibung',
    kinds: { pci: 'PCI', usb: 'USB', vgpu: 'vGPU', unknown: 'Gerät des Hosts' },
  },
  'zh-Hans': {
    help: '虚拟机独占的主机设备。虚拟机将只在该主机上运行，且无法迁移。',
    sorts: { pci: 'PCI 设备', usb: 'USB 设备', vgpu: 'vGPU 设备' },
    add: { pci: '添加 PCI 设备…', usb: '添加 USB 设备…', vgpu: '添加 vGPU…' },
    none: { pci: '没有启用直通的 PCI 设备', usb: '没有启用直通的 USB 设备', vgpu: '没有启用的 vGPU' },
    remove: (name) => `移除 ${name}`,
    name: '名称',
    kind: '类型',
    resource: '资源',
    description: '描述',
    kinds: { pci: 'PCI', usb: 'USB', vgpu: 'vGPU', unknown: '主机设备' },
  },
})
