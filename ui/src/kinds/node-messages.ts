import { defineMessages } from '@/core/i18n'

export const nodeMessages = defineMessages({
  en: { title: 'Hosts', singular: 'Host', about: 'The machines that the cluster is made of. They join when Harvester is installed on them.', ip: 'Host IP', roles: 'Roles', cpu: 'CPU', memory: 'Memory', version: 'Kubernetes', os: 'Operating system', ready: 'Ready', notReady: 'Not ready', cordoned: 'Cordoned', cordonedText: 'New machines are not placed on it', entering: 'Entering maintenance', maintenance: 'Maintenance' },
  de: { title: 'Hosts', singular: 'Host', about: 'Die Maschinen, aus denen der Cluster besteht. Sie treten bei, wenn Harvester auf ihnen installiert wird.', ip: 'Host-IP', roles: 'Rollen', cpu: 'CPU', memory: 'Arbeitsspeicher', version: 'Kubernetes', os: 'Betriebssystem', ready: 'Bereit', notReady: 'Nicht bereit', cordoned: 'Gesperrt', cordonedText: 'Neue Maschinen werden nicht auf ihm platziert', entering: 'Geht in Wartung', maintenance: 'Wartung' },
  'zh-Hans': { title: '主机', singular: '主机', about: '组成集群的机器。在机器上安装 Harvester 后它们会加入集群。', ip: '主机 IP', roles: '角色', cpu: 'CPU', memory: '内存', version: 'Kubernetes', os: '操作系统', ready: '就绪', notReady: '未就绪', cordoned: '已停止调度', cordonedText: '不会在其上放置新的虚拟机', entering: '正在进入维护', maintenance: '维护中' },
})
