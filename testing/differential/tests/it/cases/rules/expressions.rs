//! What expressions give, shown by the message of a rule that nothing fulfils.
use serde_json::json;

use super::{Probe, with_rules};

/// Expressions that are shown together; `self` is the text `v`.
const SHOWN: &[&[&str]] = &[
    // Numbers and their conversions.
    &["string(7 / 2)", "string(-7 / 2)", "string(-7 % 3)"],
    &["string(1.0)", "string(1.5)", "string(1000000.0)", "string(0.00001)", "string(1e21)"],
    &["string(7.0 / 2.0)", "string(1u + 2u)", "string(int(3.99))", "string(uint('5'))"],
    &["string(double('2.5'))", "string(int('42'))", "string(0x1f)"],
    &["string(1 < 1.5)", "string(2u > 1)", "string(1.0 <= 1u)"],
    &["string(bool('true'))", "string(dyn(1) == dyn(1.0))", "string(dyn('a') == dyn(1))"],
    // Texts.
    &["self", "self.upperAscii()", "'ÀÉ'.lowerAscii()", "' x '.trim()"],
    &["'hello'.charAt(1)", "'hello'.charAt(5)", "'héllo'.substring(1, 3)"],
    &[
        "string('héllo héllo'.indexOf('llo'))",
        "string('abab'.indexOf('ab', 1))",
        "string('abab'.lastIndexOf('ab', 2))",
        "string('a'.indexOf('z'))",
    ],
    &[
        "'aaa'.replace('a', 'b')",
        "'aaa'.replace('a', 'b', 2)",
        "'ab'.replace('', '_')",
        "'ab'.replace('', '-', 2)",
    ],
    &["'a,b,c'.split(',', 2)", "'abc'.split('')", "'abc'.split('', 2)", "string('a,b'.split(',', 0).size())"],
    &["'a b'.split(' ')", "[].join() == ''"],
    &["strings.quote('a\"b\\\\')"],
    &[
        "string('abc'.startsWith('ab'))",
        "string('abc'.endsWith('bc'))",
        "string('abc'.contains('x'))",
        "string('abc'.matches('^a.c$'))",
    ],
    &["string(size('héllo'))", "string(size(b'héllo'))", "string(b'abc')"],
    &["'''triple 'quoted' '''", "r'raw\\n'", "\"double\""],
    // `format`.
    &["'%s|%d|%s'.format([self, 5, true])"],
    &["'%.2f|%f|%e'.format([1.5, 2.25, 12345.678])"],
    &["'%x|%X|%o|%b'.format([255, 255, 8, 5])"],
    &["'%x|%X'.format(['hi', b'hi'])"],
    &["'%s'.format([[1, 2]])", "'%s'.format([['a', 'b']])", "'%s'.format([{'b': 1, 'a': 2}])"],
    &["'%s|%s|%s'.format([duration('90m'), timestamp('2024-02-29T01:02:03.5Z'), null])"],
    &["'%s|%s|%%'.format([1.5, type(1)])"],
    &["'%b'.format([true])"],
    &["'%.3f'.format([1234567.0])"],
    // Lists.
    &[
        "string([3, 1, 2].min())",
        "string([3, 1, 2].max())",
        "string([1, 2, 3].sum())",
        "string([1, 2, 2].isSorted())",
    ],
    &["string([1.5, 2.5].sum())", "string([duration('1m'), duration('1s')].sum())"],
    &["string([1, 2, 1].indexOf(1))", "string([1, 2, 1].lastIndexOf(1))", "string([1].indexOf(9))"],
    &[
        "'%s'.format([[3, 1, 2].sort()])",
        "'%s'.format([['b', 'a'].sort()])",
        "'%s'.format([[1, 2, 3].reverse()])",
    ],
    &[
        "'%s'.format([[1, 1, 2].distinct()])",
        "'%s'.format([[1, 2, 3, 4].slice(1, 3)])",
        "'%s'.format([[[1], [2, 3]].flatten()])",
    ],
    &["'%s'.format([lists.range(4)])", "string([1, 2].first().value())", "string([1, 2].last().value())"],
    &["'%s'.format([['ccc', 'a', 'bb'].sortBy(x, x.size())])"],
    &[
        "string(1 in [1, 2])",
        "string('z' in {'a': 1})",
        "string([1, 2] == [1, 2])",
        "string({'a': 1} == {'a': 2})",
    ],
    // Macros.
    &[
        "string([1, 2].all(x, x > 0))",
        "string([1, 2].exists(x, x == 2))",
        "string([1, 2].exists_one(x, x > 0))",
    ],
    &[
        "'%s'.format([[1, 2, 3].map(x, x * 2)])",
        "'%s'.format([[1, 2, 3].map(x, x > 1, x * 2)])",
        "'%s'.format([[1, 2, 3].filter(x, x != 2)])",
    ],
    &[
        "'%s'.format([{'a': 1, 'b': 2}.transformMap(k, v, v + 1)])",
        "'%s'.format([[5, 6].transformList(i, v, i + v)])",
    ],
    &[
        "'%s'.format([['a', 'b'].transformMapEntry(i, v, {v: i})])",
        "string({'a': 1}.all(k, v, k == 'a' && v == 1))",
    ],
    &["string([0, 2].exists(x, 2 / x == 1))", "string([0, 2].all(x, 2 / x == 5) || true)"],
    // Optionals.
    &[
        "optional.of('x').orValue('y')",
        "optional.none().orValue('z')",
        "{'a': 'b'}.?a.orValue('c')",
        "{'a': 'b'}[?'z'].orValue('d')",
    ],
    &[
        "string(optional.of(1).hasValue())",
        "string(optional.ofNonZeroValue('').hasValue())",
        "optional.of(2).optMap(x, x * 2).value()",
    ],
    &["string([?optional.of(1), ?optional.none()].size())", "optional.none().or(optional.of('o')).value()"],
    // Times.
    &[
        "string(timestamp('2024-02-29T12:30:45.123Z').getFullYear())",
        "string(timestamp('2024-02-29T12:30:45Z').getMonth())",
        "string(timestamp('2024-02-29T12:30:45Z').getDate())",
    ],
    &[
        "string(timestamp('2024-02-29T12:30:45Z').getDayOfWeek())",
        "string(timestamp('2024-02-29T12:30:45Z').getDayOfYear())",
        "string(timestamp('2024-02-29T12:30:45Z').getHours('-02:00'))",
    ],
    &[
        "string(timestamp('2024-02-29T12:30:45Z') + duration('36h'))",
        "string(timestamp('2024-03-01T00:00:00Z') - timestamp('2024-02-29T00:00:00Z'))",
    ],
    &[
        "string(duration('1h30m').getMinutes())",
        "string(duration('1.5s').getMilliseconds())",
        "string(duration('-90s'))",
    ],
    &["string(int(timestamp('1970-01-01T00:01:00Z')))", "string(timestamp(0))"],
    // Kubernetes' libraries.
    &[
        "string(quantity('1Gi').isGreaterThan(quantity('1G')))",
        "string(quantity('1.5').asApproximateFloat())",
        "string(quantity('5k').asInteger())",
    ],
    &[
        "string(quantity('50k').add(quantity('1')).compareTo(quantity('50001')))",
        "string(quantity('10').sub(3).asInteger())",
        "string(sign(quantity('-1')))",
    ],
    &[
        "string(isQuantity('1.3Gi'))",
        "string(isQuantity('1,3Gi'))",
        "string(quantity('1k') == quantity('1000'))",
        "string(quantity('1.5').isInteger())",
    ],
    &[
        "string(ip('192.168.0.1').family())",
        "string(ip('2001:DB8::1'))",
        "string(ip('::1').isLoopback())",
        "string(ip.isCanonical('2001:DB8::1'))",
    ],
    &[
        "string(isIP('10.0.0.256'))",
        "string(isIP('::ffff:1.2.3.4'))",
        "string(isIP('fe80::1%eth0'))",
        "string(ip('10.0.0.1').isGlobalUnicast())",
        "string(ip('fe80::1').isLinkLocalUnicast())",
    ],
    &[
        "string(cidr('10.1.2.3/8').masked())",
        "string(cidr('10.1.2.3/8').ip())",
        "string(cidr('10.0.0.0/8').prefixLength())",
        "string(isCIDR('10.0.0.0/33'))",
    ],
    &[
        "string(cidr('10.0.0.0/8').containsIP('10.1.2.3'))",
        "string(cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16'))",
        "string(cidr('10.1.0.0/16').containsCIDR(cidr('10.0.0.0/8')))",
    ],
    &[
        "url('https://u@example.com:80/a%20b/c d?k=v').getHost()",
        "url('https://[::1]:8080/').getHostname()",
        "url('https://e.com:1/').getPort()",
        "url('https://e.com/a b').getEscapedPath()",
    ],
    &[
        "url('HTTPS://e.com/').getScheme()",
        "url('/p').getHost()",
        "'%s'.format([url('https://e.com/?k=a&k=b&q').getQuery()])",
    ],
    &[
        "string(isURL('https://a.b'))",
        "string(isURL('/p'))",
        "string(isURL('a.b'))",
        "string(isURL('https://a:b:c/'))",
    ],
    &[
        "string(semver('1.2.3').minor())",
        "string(semver('1.0.0-rc.1').isLessThan(semver('1.0.0')))",
        "string(isSemver('v1.2'))",
        "string(isSemver('v01.2', true))",
    ],
    &[
        "string(semver('1.0.0-alpha.2').compareTo(semver('1.0.0-alpha.10')))",
        "string(semver('1.2.3+a') == semver('1.2.3+a'))",
    ],
    &[
        "string(sets.contains([1, 2, 3], [1, 2]))",
        "string(sets.equivalent([1, 2, 2], [2, 1]))",
        "string(sets.intersects([1], [2]))",
    ],
    &[
        "'abc 123 def 456'.find('[0-9]+')",
        "'abc 123 def 456'.findAll('[0-9]+')",
        "'1 2 3'.findAll('[0-9]', 2)",
        "'x'.find('y')",
    ],
    &[
        "string(format.dns1123Label().validate('Bad').hasValue())",
        "string(format.named('uuid').hasValue())",
        "string(format.named('nothing').hasValue())",
    ],
    &["format.dns1123Label().validate('Bad_').value()", "format.date().validate('x').value()"],
    &[
        "format.uuid().validate('x').value()",
        "format.byte().validate('$').value()",
        "format.labelValue().validate('-').value()",
    ],
    &[
        "string(type(self) == string)",
        "string(type([]) == list)",
        "string(type(duration('1s')) == google.protobuf.Duration)",
    ],
    &["self == 'v' ? 'yes' : 'no'"],
];

pub(super) fn all() -> Vec<Probe> {
    let probe = |(index, expressions): (usize, &&[&str])| {
        let clauses = vec!["%s"; expressions.len()].join("|");
        let message = format!("'{clauses}'.format([{}])", expressions.join(", "));
        let rule = json!({"rule": "self == 'never'", "message": "no message", "messageExpression": message});
        let schema = with_rules(json!({"type": "string", "maxLength": 5}), &[rule]);
        Probe::new(format!("expression {index}"), schema, &[json!("v")])
    };
    SHOWN.iter().enumerate().map(probe).collect()
}
