import { defineMessages } from '../i18n'

export const formMessages = defineMessages({
  en: {
    leaveTitle: 'Leave without saving?',
    leaveText: 'What you changed on this page has not been saved and will be lost.',
    leave: 'Leave',
    exists: 'This name is taken',
    required: 'Required',
    badName: 'Use lower-case letters, digits and hyphens; begin and end with a letter or digit',
    longName: (max: number) => `At most ${max} characters`,
  },
  de: {
    leaveTitle: 'Ohne Speichern verlassen?',
    leaveText: 'Die Änderungen auf dieser Seite sind nicht gespeichert und gehen verloren.',
    leave: 'Verlassen',
    exists: 'Dieser Name ist vergeben',
    required: 'Erforderlich',
    badName: 'Kleinbuchstaben, Ziffern und Bindestriche; Anfang und Ende ein Buchstabe oder eine Ziffer',
    longName: (max) => `Höchstens ${max} Zeichen`,
  },
  'zh-Hans': {
    leaveTitle: '不保存就离开？',
    leaveText: '此页面上的更改尚未保存，离开后将丢失。',
    leave: '离开',
    exists: '此名称已被使用',
    required: '必填',
    badName: '只能使用小写字母、数字和连字符，并以字母或数字开头和结尾',
    longName: (max) => `最多 ${max} 个字符`,
  },
})
