import { defineMessages } from '../i18n'

export const kindMessages = defineMessages({
  en: { unreadable: 'Unreadable', unreadableReason: 'The object does not have the form of its kind. Its YAML shows what the cluster sent.' },
  de: { unreadable: 'Unlesbar', unreadableReason: 'Das Objekt hat nicht die Form seiner Art. Das YAML zeigt, was der Cluster geschickt hat.' },
  'zh-Hans': { unreadable: '无法读取', unreadableReason: '此对象不符合其种类的格式。YAML 中可查看集群发送的内容。' },
})
