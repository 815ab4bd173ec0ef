import { defineMessages } from '@/core/i18n'

export const imageMessages = defineMessages({
  en: { title: 'Images', singular: 'Image', about: 'Disk images that virtual machines and volumes are made from.', progress: 'Progress', size: 'Size', virtualSize: 'Virtual Size', storageClass: 'Storage Class', description: 'Description', source: 'Source', url: 'URL', ready: 'Ready', importing: 'Importing', failed: 'Failed' },
  de: { title: 'Images', singular: 'Image', about: 'Plattenabbilder, aus denen virtuelle Maschinen und Volumes entstehen.', progress: 'Fortschritt', size: 'Größe', virtualSize: 'Virtuelle Größe', storageClass: 'Speicherklasse', description: 'Beschreibung', source: 'Quelle', url: 'URL', ready: 'Bereit', importing: 'Wird importiert', failed: 'Fehlgeschlagen' },
  'zh-Hans': { title: '镜像', singular: '镜像', about: '用于创建虚拟机和卷的磁盘镜像。', progress: '进度', size: '大小', virtualSize: '虚拟大小', storageClass: '存储类', description: '描述', source: '来源', url: 'URL', ready: '就绪', importing: '正在导入', failed: '失败' },
})
