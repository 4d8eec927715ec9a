#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Hostile names and values, put into the stores from outside, and what a mount must make of them (DESIGN 1, law 6). All that is made
# follows from the seed alone. perl-base is enough. The first two need nothing but stores, so a test of restore can begin with them.
#
#   hostile.pl redis SEED SOCKET              fills the databases 0 and 1 of a Redis
#   hostile.pl sql SEED                       prints SQL that puts documents, byte by byte, into a file of netviewfs-docs
#   hostile.pl json SEED COLLECTION           prints those of the documents that JSON can say, for netviewfs-docs import, on any store
#   hostile.pl check-redis SEED SOCKET MOUNT  looks at all of it through a mount, saves each file changed and as it was
#   hostile.pl check-docs SEED MOUNT [json]   the same of the documents (json: of those that JSON can say)
#   hostile.pl make SEED SOCKET MOUNT [utf8]  makes the same names through a mount: each is there afterwards, or refused with a
#                                             reason; prints the names of records that were made. utf8: records
#                                             with other names are not tried: some servers refuse to be asked for them
#
# A check prints what is wrong, a line each, and then ends with status 1.
use strict;
use warnings;
use Fcntl;
use IO::Handle;
use IO::Socket::UNIX;
use Errno;

# --- Chance: the same numbers from the same seed, with any perl -------------------------------------------------------------------

my $chance;

sub chance {
	my ($below) = @_;
	$chance = ($chance * 1103515245 + 12345) % 2147483648;
	return int($chance / 65536) % $below;
}

sub chance_bytes {
	return join '', map { chr chance(256) } 1 .. $_[0];
}

# --- Names ---------------------------------------------------------------------------------------------------------------------------

my @odd = (
	'', '.', '..', '...', '.hidden', '..x', '-', '--', '-dash', '~', 'tail~', '#auto#', '4913', '5036', 'sedAb12_9', 'tmpAb12_9', 'XXAb12_9',
	'XXAb12_9xy', 'x.oAb12_9', 'x.tmp', 'x.lock', 'x.bak', 'x.orig', 'x.rej', '.#x', '.x.swp', 'twin', 'TWIN', 'Twin', 'id', 'node', 'meta',
	'records', 'maps', 'pdata', 'plugins', 'details', '%', '%%', '%2F', '%41', 'A', 'a/b', '/', 'a%2Fb', 'x~64b000000000000000000001',
	'x~new', ' blank ', '  ', "tab\t", "two\nlines", "\n", "\0", "\\x41", '\\', '\\e', ':', 'a: b', 'a:', "\xc3\xa9", "e\xcc\x81",
	"\xef\xbb\xbfbom", "\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\xff\xfe", "\xef\xbf\xbd", "\xe2\x80\xae", "caf\xc3", '*', '[x]', '[]',
	'---', '===', '{}', 'null', '0', '=0', '0123456789abcdef01234567', '0123456789abcdef', 'www.A', 'domain.json', 'changelog',
);

# Names of every shape: each byte in each place, each length that matters, odd ones, and random ones.
sub names {
	my @names = @odd;
	for my $byte (map { chr } 0 .. 255) {
		push @names, "${byte}ame", "n${byte}me", "nam$byte", $byte;
	}
	for my $length (1, 2, 100, 200, 222, 223, 224, 239, 240, 241, 255, 256, 1000, 4095, 4096) {
		push @names, 'l' x $length, "\xc3\xa9" x ($length / 2) . 'u' x ($length % 2), '/' x ($length - 1) . 'e' if $length > 2;
		push @names, 'L' . 'l' x ($length - 1);
	}
	push @names, chance_bytes(1 + chance(chance(8) ? 40 : 400)) for 1 .. 100;
	my %seen;
	return grep { !$seen{$_}++ } @names;
}

# Values are names of another order, so that each meets others.
sub values_of {
	my ($count, @names) = @_;
	return map { $names[chance(scalar @names)] } 1 .. $count;
}

# --- Redis ---------------------------------------------------------------------------------------------------------------------------

my $redis;

sub reply {
	my $line = <$redis>;
	$line =~ s/\r\n$//;
	my ($kind, $rest) = $line =~ /^(.)(.*)$/s;
	die "Redis: $rest\n" if $kind eq '-';
	return $rest if $kind eq '+' || $kind eq ':';
	return undef if $rest < 0;
	return [map { reply() } 1 .. $rest] if $kind eq '*';
	read $redis, my $text, $rest + 2;
	return substr $text, 0, $rest;
}

sub redis {
	print $redis '*' . @_ . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @_;
	$redis->flush;
	return reply();
}

sub connect_redis {
	$redis = IO::Socket::UNIX->new(Peer => $_[0]) or die "$_[0]: $!\n";
}

# What is in Redis: key => [type, items], hashes and sets flat. N(NAMES) of each kind are in the keys' names.
sub redis_model {
	my @names = names();
	my (%db, %db1);
	my $set = sub { my ($key, @members) = @_; $db{$key} ||= ['set']; push @{ $db{$key} }, @members };
	my $hash = sub { my ($key, @pairs) = @_; $db{$key} = ['hash', @pairs] if @pairs };
	$db{default_network} = ['string', 'lan'];
	my $i = 0;
	for my $name (@names) {
		my ($a, $b, $c) = values_of(3, @names);
		my $dns = "[lan]$name";
		$set->('dns', $dns);
		$set->('meta', $dns);
		$hash->("meta;$dns", "k$a", $b);
		$set->("dns;$dns;maps", map { "[lan]$_" } $c, $name);
		# odd node ids have keys of their own, too
		$set->('nodes', "[lan]$name;hand");
		$set->("nodes;[lan]$name;hand", 'hand');
		$hash->("nodes;[lan]$name;hand;hand", plugin => 'hand', "k$b" => $a);
		# all of a name's data is read at once, and a cut name is looked up by going through all: few of these, or it takes minutes
		next if length $name > 300 && $i++ % 8;
		data(\%db, $set, $hash, 'reports', 'reports', $name, $i, $a, $b, $c);
		data(\%db, $set, $hash, 'pdata;dns;[lan]host', 'pdata;dns;[lan]host', $name, $i, $b, $c, $a) if $i++ % 8 == 0 || $i < @odd;
	}
	$set->('dns', '[lan]host', '[lan]rec');
	$set->('meta', '[lan]rec');
	# every name as plugin, as type and as value; what is in one file may be anything but for the words that the keys themselves use
	my @words = grep { !/;/ && $_ ne 'plugins' && $_ ne 'maps' && length($_) < 1000 } @names;
	for my $n (0 .. $#words) {
		my ($plugin, $type, $value) = ($words[$n], $words[-$n - 1], $words[$n * 7 % @words]);
		$set->('dns;[lan]rec;plugins', $plugin);
		$set->("dns;[lan]rec;$plugin", $type);
		$set->("dns;[lan]rec;$plugin;$type", $value);
		push @{ $db{'meta;[lan]rec'} ||= ['hash'] }, $value, $plugin;
	}
	return \%db, \%db1;
}

# One piece of data of the kind that its number says.
sub data {
	my ($db, $set, $hash, $index, $prefix, $id, $number, @values) = @_;
	my $key = "$prefix;$id";
	my $kind = qw(string list hash set zset none)[$number % 6];
	return if $db->{$key}; # an id that ends in ;details is the details of another
	my %unique = map { $_ => 1 } @values;
	my $score = 0;
	$set->($index, $id);
	$db->{$key} = ['string', $values[0] eq '' ? 'x' : $values[0]] if $kind eq 'string';
	$db->{$key} = ['list', @values, $values[0]] if $kind eq 'list';
	$db->{$key} = ['hash', map { ("k$_", $_) } sort keys %unique] if $kind eq 'hash';
	$set->($key, @values) if $kind eq 'set';
	$db->{$key} = ['zset', map { (1.5 * $score++, $_) } sort keys %unique] if $kind eq 'zset';
	$hash->("$key;details", title => $values[1], plugin => 'hand') if $kind ne 'none' && $number % 5;
}

# Keys that are not what their paths expect, or that no path stands for: they must not hinder anything, and are readable as orphans.
sub misfits {
	return (
		['SET', 'dns;[lan]wrong-plugins;plugins', 'x'], ['SADD', 'dns', '[lan]wrong-plugins', '[lan]wrong-maps', '[lan]wrong-meta', '[lan]wrong-pdata'],
		['RPUSH', 'dns;[lan]wrong-maps;maps', 'x'], ['SADD', 'meta', '[lan]wrong-meta'], ['SET', 'meta;[lan]wrong-meta', 'x'],
		['SET', 'pdata;dns;[lan]wrong-pdata', 'x'], ['SADD', 'nodes', '[lan]wrong-node;p', '[lan]hash-index;p'],
		['SET', 'nodes;[lan]wrong-node;p', 'x'], ['HSET', 'pdata;node;[lan]hash-index;p', 'one', '', 'two', ''],
		['SET', 'pdata;node;[lan]hash-index;p;one', '1'], ['SADD', 'reports', 'wrong-details'], ['SET', 'reports;wrong-details;details', 'x'],
		['RPUSH', 'reports;wrong-details', 'a'], ['SET', 'dns;[lan]no-parent;maps', 'x'], ['HSET', 'meta;[lan]no-parent', 'k', 'v'],
		['XADD', 'reports;no-parent', '1-1', 'f', 'v'], ['ZADD', 'pdata;dns;no-parent;x', '1', 'm'], ['HSET', 'nodes;no-parent', 'k', 'v'],
	);
}

sub fill_redis {
	my ($db, $db1) = redis_model();
	for my $key (sort keys %$db) {
		my ($type, @items) = @{ $db->{$key} };
		my %command = (string => 'SET', list => 'RPUSH', hash => 'HSET', set => 'SADD', zset => 'ZADD');
		while (my @some = splice @items, 0, 1000) {
			redis($command{$type}, $key, @some);
		}
	}
	redis(@$_) for misfits();
}

# --- What a mount shows ------------------------------------------------------------------------------------------------------------

my $wrong = 0;

sub printable {
	my ($text) = @_;
	$text =~ s/([^!-\[\]-~ ])/sprintf '\\x%02x', ord $1/ge;
	return length($text) > 150 ? substr($text, 0, 150) . '...' : $text;
}

sub wrong {
	print join(': ', map { printable($_) } @_), "\n";
	exit 1 if ++$wrong == 50;
}

sub is_utf8 {
	my ($text) = @_;
	return $text =~ /\A(?:[\x00-\x7f]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]
		|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*\z/x;
}

sub unescaped {
	my ($name) = @_;
	return '' if $name eq '%';
	$name =~ s/%([0-9A-F]{2})/chr hex $1/ge;
	return $name;
}

sub listed {
	my ($dir) = @_;
	opendir(my $handle, $dir) or do { wrong($dir, "cannot be listed: $!"); return () };
	$! = 0;
	my @names = grep { $_ ne '.' && $_ ne '..' } readdir $handle;
	wrong($dir, "listing ends with: $!") if $!;
	my %seen;
	wrong($dir, $_, 'listed twice') for grep { $seen{$_}++ } @names;
	for (@names) {
		wrong($dir, $_, 'is no name that a shell can take') if length > 240 || /[\x00-\x1f\x7f]/ || /^[.-]/ || !is_utf8($_);
		wrong($dir, $_, "cannot be stat'ed: $!") unless lstat "$dir/$_";
	}
	return @names;
}

sub text_of {
	my ($path) = @_;
	my ($size, $text) = ((lstat $path)[7], '');
	sysopen(my $file, $path, O_RDONLY) or do { wrong($path, "cannot be opened: $!"); return undef };
	while (1) {
		my $count = sysread $file, $text, 65536, length $text;
		defined $count or do { wrong($path, "cannot be read: $!"); return undef };
		last unless $count;
	}
	close $file;
	wrong($path, "has $size bytes in stat and " . length($text) . ' to read') if $size != length $text;
	return $text;
}

# 0 or an errno.
sub save {
	my ($path, $text, $at_once) = @_;
	sysopen(my $file, $path, O_WRONLY | O_CREAT | O_TRUNC) or return $! + 0;
	my $at = 0;
	while ($at < length $text) {
		my $count = syswrite $file, $text, length($text) - $at, $at;
		if (!defined $count) {
			my $error = $! + 0;
			close $file;
			return $error;
		}
		$at += $count;
	}
	my $error = $at_once && !$file->sync ? $! + 0 : 0;
	return close($file) || $error ? $error : $! + 0;
}

# What the text of an atom stands for.
sub atom {
	my ($text) = @_;
	my %short = (n => "\n", t => "\t", e => '', '\\' => '\\', ':' => ':');
	$text =~ s/\\(x([0-9A-Fa-f]{2})|[nte\\:])/defined $2 ? chr hex $2 : $short{$1}/ge;
	return $text;
}

sub escaped {
	my ($text) = @_;
	return '\\e' if $text eq '';
	$text =~ s/([^!-\[\]-~])/sprintf '\\x%02X', ord $1/ge;
	$text =~ s/\\(?!x[0-9A-F]{2})/\\\\/g;
	return $text;
}

sub lines { return $_[0] =~ /\n\z/ || $_[0] eq '' ? split /\n/, $_[0] : (wrong('a text', $_[0], 'ends without a newline'), split /\n/, $_[0]) }

sub fields {
	my %fields;
	for (@_) {
		/^((?:\\.|:(?![ \t]|$)|[^\\:])*):(?: (.*))?$/s or do { wrong('no field', $_); next };
		my ($key, $value) = ($1, $2);
		$fields{ atom($key) } = defined $value ? atom($value) : '';
	}
	return %fields;
}

sub same {
	my ($path, $what, $wanted, $got) = @_;
	for my $item (sort keys %$wanted) {
		wrong($path, $what, $item, 'is missing') unless exists $got->{$item};
		wrong($path, $what, $item, "is $got->{$item}, not $wanted->{$item}") if exists $got->{$item} && $got->{$item} ne $wanted->{$item};
	}
	wrong($path, $what, $_, 'is not stored') for grep { !exists $wanted->{$_} } sort keys %$got;
}

sub set_of { return { map { $_ => 1 } @_ } }

# The path of each stored name, found by undoing what is listed; a cut one says its whole name itself.
sub paths_of {
	my ($dir, $whole) = @_;
	my %path;
	for my $name (listed($dir)) {
		my $stored = $name =~ /~[0-9a-f]{16}$/ ? $whole->("$dir/$name") : unescaped($name);
		defined $stored or do { wrong($dir, $name, 'does not say its whole name'); next };
		wrong($dir, $name, 'stands for the same as another') if $path{$stored};
		$path{$stored} = "$dir/$name";
	}
	return \%path;
}

sub id_of_object {
	my ($dir) = @_;
	my $text = text_of("$dir/id");
	return undef unless defined $text;
	chop $text;
	return $text;
}

sub id_of_data {
	my ($path) = @_;
	my $text = text_of($path);
	return defined $text && $text =~ /^--- \S+ (\S+)\n/ ? atom($1) : undef;
}

# Saved as it is, changed, and as it was: the store has just that, each time. ask: what the store has, in one string.
sub round_trip {
	my ($path, $text, $changed, $ask) = @_;
	return if $path =~ /~[0-9a-f]{16}/ && chance(4);
	my $before = $ask->();
	my $error = save($path, $text);
	wrong($path, 'its own text is refused', $! = $error) if $error;
	wrong($path, 'saving its own text changed the store', $before, $ask->()) if $ask->() ne $before;
	return unless defined $changed;
	$error = save($path, $changed);
	wrong($path, 'a change is refused', $! = $error) if $error;
	wrong($path, 'a change did not arrive') if $ask->() eq $before;
	$error = save($path, $text);
	wrong($path, 'changing it back is refused', $! = $error) if $error;
	wrong($path, 'is not as it was', $before, $ask->()) if $ask->() ne $before;
}

sub dump_key {
	my ($key) = @_;
	my $type = redis('TYPE', $key);
	return join "\1", $type, @{ redis('LRANGE', $key, 0, -1) } if $type eq 'list';
	return join "\1", $type, redis('GET', $key) if $type eq 'string';
	return join "\1", $type, sort @{ redis('SMEMBERS', $key) } if $type eq 'set';
	return join "\1", $type, @{ redis('ZRANGE', $key, 0, -1, 'WITHSCORES') } if $type eq 'zset';
	return $type unless $type eq 'hash';
	my %hash = @{ redis('HGETALL', $key) };
	return join "\1", $type, map { "$_\2$hash{$_}" } sort keys %hash;
}

sub check_data {
	my ($db, $path, $key) = @_;
	my $text = text_of($path);
	return unless defined $text;
	my ($head, $details, $body) = $text =~ /\A---(?: ([^\n]*))?\n(.*?)^---\n(.*)\z/sm or return wrong($path, 'is no Data', $text);
	my ($type, @items) = @{ $db->{$key} || ['none'] };
	my %details = @{ $db->{"$key;details"} || ['hash'] }[1 .. $#{ $db->{"$key;details"} || ['hash'] }];
	same($path, 'detail', \%details, { fields(lines($details)) });
	if ($type eq 'string') {
		wrong($path, 'its value is', $body, "not $items[0]") if $body ne "$items[0]\n" && atom(substr $body, 0, -1) ne $items[0];
	} elsif ($type eq 'list') {
		my @got = map { atom($_) } lines($body);
		wrong($path, 'its list is', "@got", "not @items") if join("\1", @got) ne join("\1", @items);
	} elsif ($type eq 'hash') {
		same($path, 'field', {@items}, { fields(lines($body)) });
	} elsif ($type eq 'set') {
		same($path, 'member', set_of(@items), set_of(map { atom($_) } lines($body)));
	} elsif ($type eq 'zset') {
		my %got = map { my ($score, $member) = split / /, $_, 2; atom($member) => $score + 0 } lines($body);
		same($path, 'member', { reverse(@items) }, \%got);
	}
	round_trip($path, $text, $type =~ /string|none/ ? undef : $type eq 'hash' ? "${text}zz: 1\n" : $type eq 'zset' ? "${text}7 zz\n" : "${text}zz\n",
		sub { dump_key($key) . "\3" . dump_key("$key;details") });
}

sub check_fields {
	my ($path, $key, @pairs) = @_;
	my $text = text_of($path);
	return unless defined $text;
	same($path, 'field', {@pairs}, { fields(lines($text)) });
	round_trip($path, $text, "${text}zz: \\x01\\xFF\n", sub { dump_key($key) });
}

sub check_records {
	my ($db, $path, $dns) = @_;
	my $text = text_of($path);
	my %wanted;
	for my $plugin (@{ $db->{"dns;$dns;plugins"} }[1 .. $#{ $db->{"dns;$dns;plugins"} }]) {
		for my $type (@{ $db->{"dns;$dns;$plugin"} }[1 .. $#{ $db->{"dns;$dns;$plugin"} }]) {
			$wanted{ join "\1", $plugin, $type, $_ } = 1 for @{ $db->{"dns;$dns;$plugin;$type"} }[1 .. $#{ $db->{"dns;$dns;$plugin;$type"} }];
		}
	}
	same($path, 'record', \%wanted, set_of(map { join "\1", map { atom($_) } split / /, $_, 3 } lines($text)));
	round_trip($path, $text, "${text}zz TXT \\x01\\xFF\n", sub { dump_key("dns;$dns;plugins") . dump_key("dns;$dns;zz;TXT") });
}

sub check_redis {
	my ($mount) = @_;
	my ($db) = redis_model();
	my @dns = map { substr $_, 5 } @{ $db->{dns} }[1 .. $#{ $db->{dns} }];
	my $dns = paths_of("$mount/netdox/dns/lan", \&id_of_object);
	same("$mount/netdox/dns/lan", 'name', set_of(@dns, map { "wrong-$_" } qw(plugins maps meta pdata)), set_of(keys %$dns));
	for my $name (grep { $_ ne 'host' && $_ ne 'rec' } @dns) {
		my $dir = $dns->{$name} or next;
		my %files = map { $_ => 1 } listed($dir);
		check_fields("$dir/meta", "meta;[lan]$name", @{ $db->{"meta;[lan]$name"} }[1, 2]) if $files{meta};
		wrong($dir, 'has no meta') unless $files{meta};
		my $maps = text_of("$dir/maps");
		same("$dir/maps", 'line', set_of(@{ $db->{"dns;[lan]$name;maps"} }[1, 2]), set_of(map { atom($_) } lines($maps)));
		next if chance(4);
		round_trip("$dir/maps", $maps, "${maps}[lan]zz\n", sub { dump_key("dns;[lan]$name;maps") });
	}
	check_records($db, "$dns->{rec}/records", '[lan]rec');
	check_fields("$dns->{rec}/meta", 'meta;[lan]rec', @{ $db->{'meta;[lan]rec'} }[1 .. $#{ $db->{'meta;[lan]rec'} }]);
	my $nodes = paths_of("$mount/netdox/nodes", \&id_of_object);
	same("$mount/netdox/nodes", 'name', set_of(@{ $db->{nodes} }[1 .. $#{ $db->{nodes} }], '[lan]wrong-node;p', '[lan]hash-index;p'), set_of(keys %$nodes));
	for my $id (@{ $db->{nodes} }[1 .. $#{ $db->{nodes} }]) {
		my @plugin = @{ $db->{"nodes;$id;hand"} };
		check_fields("$nodes->{$id}/plugins/hand", "nodes;$id;hand", @plugin[1 .. $#plugin]) if $nodes->{$id};
	}
	for my $where (['reports', "$mount/netdox/reports", 'wrong-details'], ['pdata;dns;[lan]host', "$dns->{host}/pdata"]) {
		my ($index, $dir, @more) = @$where;
		my $paths = paths_of($dir, \&id_of_data);
		same($dir, 'id', set_of(@{ $db->{$index} }[1 .. $#{ $db->{$index} }], @more), set_of(keys %$paths));
		for my $id (@{ $db->{$index} }[1 .. $#{ $db->{$index} }]) {
			check_data($db, $paths->{$id}, "$index;$id") if $paths->{$id};
		}
	}
	check_misfits($mount, $dns, $nodes);
}

# What a key of the wrong type stands for is listed and cannot be read; the key is among the orphans. The others go on.
sub check_misfits {
	my ($mount, $dns, $nodes) = @_;
	for my $path ("$dns->{'wrong-plugins'}/records", "$dns->{'wrong-maps'}/maps", "$dns->{'wrong-meta'}/meta", "$mount/netdox/reports/wrong-details") {
		wrong($path, "is not there: $!") unless lstat $path;
		$! = 0;
		my $file;
		wrong($path, 'can be read') if sysopen($file, $path, O_RDONLY) && defined sysread $file, my $byte, 1;
		wrong($path, "gives '$!', not EIO") unless $!{EIO};
	}
	my $hash = "$nodes->{'[lan]hash-index;p'}/pdata";
	same($hash, 'id', set_of('one', 'two'), set_of(listed($hash)));
	my $orphans = paths_of("$mount/netdox/orphans/0", \&id_of_data);
	for my $key ('dns;[lan]wrong-plugins;plugins', 'dns;[lan]wrong-maps;maps', 'meta;[lan]wrong-meta', 'pdata;dns;[lan]wrong-pdata',
		'nodes;[lan]wrong-node;p', 'pdata;node;[lan]hash-index;p', 'dns;[lan]no-parent;maps', 'meta;[lan]no-parent', 'reports;no-parent',
		'pdata;dns;no-parent;x', 'nodes;no-parent') {
		wrong("$mount/netdox/orphans/0", $key, 'is missing') unless $orphans->{$key};
		text_of($orphans->{$key}) if $orphans->{$key};
	}
}

# --- Documents -------------------------------------------------------------------------------------------------------------------------

sub bson_string { return pack('V', length($_[0]) + 1) . "$_[0]\0" }

sub bson_doc {
	my $body = join '', @_;
	return pack('V', length($body) + 5) . "$body\0";
}

# A field: its type's byte, its name, its value's bytes. BSON's names cannot have a NUL.
sub bson { my ($type, $name, $bytes) = @_; return chr($type) . "$name\0" . $bytes }

sub bson_id { return pack 'NNN', 0x64b00000, $_[0], $_[1] }

# A value of each of BSON's types, and its canonical extended JSON where it has one that libbson's reader takes (code it does not always).
sub typed_values {
	my @values = (
		[1, pack('d<', 1.5), '{"$numberDouble":"1.5"}'], [1, pack('d<', 5), '{"$numberDouble":"5.0"}'],
		[1, pack('VV', 0x00000000, 0x80000000), '{"$numberDouble":"-0.0"}'], [1, pack('VV', 0x00000000, 0x7ff80000), '{"$numberDouble":"NaN"}'],
		[1, pack('VV', 0x00000001, 0xfff80000), undef], [1, pack('VV', 0x00000000, 0x7ff00000), '{"$numberDouble":"Infinity"}'],
		[1, pack('Q<', 1), '{"$numberDouble":"5e-324"}'], [3, bson_doc(), '{}'], [4, bson_doc(), '[]'],
		[4, bson_doc(bson(16, 0, pack 'V', 1), bson(2, 1, bson_string 'x'), bson(10, 2, '')), '[{"$numberInt":"1"},"x",null]'],
		[4, bson_doc(bson(16, 'seven', pack 'V', 1)), undef], [6, '', '{"$undefined":true}'], [7, "\1" x 12, '{"$oid":"010101010101010101010101"}'],
		[8, "\0", 'false'], [8, "\1", 'true'], [9, pack('q<', -1), '{"$date":{"$numberLong":"-1"}}'],
		[9, pack('q<', 9223372036854775807), '{"$date":{"$numberLong":"9223372036854775807"}}'], [10, '', 'null'],
		[11, "a.*b\0ims\0", '{"$regularExpression":{"pattern":"a.*b","options":"ims"}}'], [11, "\xff\0zz\0", undef],
		[12, bson_string('db.c') . "\2" x 12, undef],
		[13, bson_string('f()'), undef], [14, bson_string('sym'), '{"$symbol":"sym"}'],
		[15, pack('V', 4 + 8 + 5) . bson_string('f()') . bson_doc(), undef],
		[16, pack('l<', -2147483648), '{"$numberInt":"-2147483648"}'], [16, pack('l<', 7), '{"$numberInt":"7"}'],
		[17, pack('VV', 2, 1), '{"$timestamp":{"t":1,"i":2}}'], [18, pack('q<', 5), '{"$numberLong":"5"}'],
		[18, pack('q<', 9007199254740993), '{"$numberLong":"9007199254740993"}'], [18, pack('VV', 0, 0x80000000), '{"$numberLong":"-9223372036854775808"}'],
		[19, pack('Q<VV', 110, 0x00000000, 0x303c0000), '{"$numberDecimal":"1.10"}'], [19, pack('Q<VV', 0, 0x00000000, 0x7c000000), '{"$numberDecimal":"NaN"}'],
		[19, pack('Q<VV', 5, 0x00000000, 0x7c000000), undef], [255, '', '{"$minKey":1}'], [127, '', '{"$maxKey":1}'],
		[3, bson_doc(bson(2, '$date', bson_string 'x')), undef], [3, bson_doc(bson(2, '$literal', bson_string 'x')), undef],
	);
	push @values, [5, pack('VC', 3, $_) . "\0\1\2", sprintf '{"$binary":{"base64":"AAEC","subType":"%02x"}}', $_] for 0, 1, 3 .. 9, 128, 255;
	push @values, [5, pack('VCV', 7, 2, 3) . "\0\1\2", '{"$binary":{"base64":"AAEC","subType":"02"}}'];
	my ($nested, $json) = (bson_doc(), '{}');
	for my $depth (1 .. 97) {
		$nested = bson_doc(bson(3, 'd', $nested));
		$json = "{\"d\":$json}";
		push @values, [3, $nested, $json] if $depth == 80;
	}
	push @values, [3, $nested, undef]; # 100 deep in all, which is more than other readers of JSON take
	return @values;
}

# UTF-8 that JSON takes as it is, but for what has to be escaped.
sub json_string {
	my ($text) = @_;
	return undef unless is_utf8($text);
	$text =~ s/([\x00-\x1f"\\\x7f])/sprintf '\\u%04x', ord $1/ge;
	return "\"$text\"";
}

# All documents: [collection, number, fields…], a field [type, name, bytes, JSON or undef].
sub documents {
	my @names = names();
	my ($n, @documents) = (0);
	my $text = sub { my ($name, $value) = @_; return [2, $name, bson_string($value), json_string($value)] };
	for my $name (@names) {
		my ($a, $b) = values_of(2, @names);
		push @documents, ['teams', ++$n, $text->(slug => $name), $text->(name => $a)],
			['dnsrecords', $n, [7, 'domainId', bson_id(9, 9), '{"$oid":"64b000000000000900000009"}'], $text->(type => 'A'), $text->(name => $name),
				$text->(value => $b)];
		pop @documents if $name eq '@'; # means the same as the empty name
		my ($key) = $name =~ /^([^\0]*)/;
		push @documents, ['alerts', $n, $text->(title => $name), $text->(body => $a), $text->("x$key" => $b), $text->($key => 'k')]
			unless $key =~ /^(?:_id|title|body|active|team|id)$/;
	}
	for my $value (typed_values()) {
		push @documents, ['alerts', ++$n, $text->(title => 'typed'), $text->(body => 'b'), [$value->[0], 'value', @$value[1, 2]],
			[4, 'among', bson_doc(bson($value->[0], 0, $value->[1])), defined $value->[2] ? "[$value->[2]]" : undef]];
	}
	my $one = [16, 'twice', pack('V', 1), undef];
	push @documents, ['alerts', ++$n, $text->(title => 'duplicate names'), $text->(body => 'b'), $one, $one];
	push @documents, ['teams', ++$n, $text->(slug => 'home'), $text->(name => 'Home')];
	return @documents, ['domains', 0, [7, 'teamId', bson_id(1, $n), sprintf '{"$oid":"64b0000000000001%08x"}', $n], $text->(domain => 'home.example.com')];
}

my %number_of = (teams => 1, dnsrecords => 2, alerts => 3, domains => 9);

sub id_of_document {
	my ($document) = @_;
	return bson_id($number_of{ $document->[0] }, $document->[0] eq 'domains' ? 9 : $document->[1]);
}

sub has_json { my ($collection, $number, @fields) = @{ $_[0] }; return !grep { !defined $_->[3] || !is_utf8($_->[1]) } @fields }

sub print_sql {
	my %known;
	print "BEGIN;\n";
	for my $document (documents()) {
		my ($collection, $number, @fields) = @$document;
		my $id = id_of_document($document);
		print "INSERT OR IGNORE INTO collections VALUES('$collection');\n" unless $known{$collection}++;
		print "INSERT INTO documents(collection, id_key, bson) VALUES('$collection', x'23", unpack('H*', $id), "', x'",
			unpack('H*', bson_doc(bson(7, '_id', $id), map { bson(@$_[0 .. 2]) } @fields)), "');\n";
	}
	print "COMMIT;\n";
}

sub print_json {
	my ($wanted) = @_;
	for my $document (documents()) {
		my ($collection, $number, @fields) = @$document;
		next if $collection ne $wanted || !has_json($document);
		print "{\"_id\":{\"\$oid\":\"", unpack('H*', id_of_document($document)), '"}', map({ ',' . json_string($_->[1]) . ":$_->[3]" } @fields), "}\n";
	}
}

# Each file is listed, can be stat'ed, read, saved as it is, and, where it has a plain form, changed and changed back. Not every server
# can be asked for a value of the deprecated type undefined, which a change is compared with.
sub check_document {
	my ($path, $on_server) = @_;
	my $text = text_of($path);
	return unless defined $text;
	my $error = save($path, $text);
	wrong($path, 'its own text is refused', $! = $error) if $error;
	wrong($path, 'saving its own text changed it') if (text_of($path) // '') ne $text;
	return if $text =~ /^\{\s*"\$bson"/ || ($on_server && $text =~ /"\$undefined"/) || chance(4);
	(my $changed = $text) =~ s/\}\n\z/,"zz": "\\u0001\xf0\x9f\x90\x90"}\n/;
	$error = save($path, $changed);
	wrong($path, 'a change is refused', $! = $error) if $error && $path !~ m{/records/};
	return if $error;
	wrong($path, 'a change did not arrive') if (text_of($path) // '') !~ /"zz": "\\u0001\xf0\x9f\x90\x90"/;
	$error = save($path, $text);
	wrong($path, 'changing it back is refused', $! = $error) if $error;
	wrong($path, 'is not as it was') if (text_of($path) // '') ne $text;
}

sub check_docs {
	my ($mount, $json_only) = @_;
	my %names;
	for my $document (grep { !$json_only || has_json($_) } documents()) {
		my ($collection, $number, @fields) = @$document;
		my %value = map { $_->[1] => substr $_->[2], 4, -1 } grep { $_->[0] == 2 } @fields;
		my $name = $collection eq 'teams' ? $value{slug} : $collection eq 'dnsrecords' ? $value{name} eq '' ? '@' : $value{name} : unpack 'H*', id_of_document($document);
		$names{$collection}{$name} = 1;
	}
	for (['teams', 'teams', ''], ['dnsrecords', 'teams/home/domains/home.example.com/records', '.json'], ['alerts', 'alerts', '.json']) {
		my ($collection, $place, $suffix) = @$_;
		my ($cut, %got) = (0);
		for my $name (listed("$mount/netgoat/$place")) {
			my $path = "$mount/netgoat/$place/$name" . ($collection eq 'teams' ? '/team.json' : '');
			check_document($path, $json_only);
			wrong($path, 'has another suffix') unless $name =~ s/\Q$suffix\E$//;
			$name =~ s/\.A$// if $collection eq 'dnsrecords';
			$name =~ /~[0-9a-f]{16}$/ ? $cut++ : ($got{ unescaped($name) } = 1);
		}
		my %short = map { $_ => 1 } grep { $got{$_} || length($_) < 80 } keys %{ $names{$collection} };
		same($place, 'name', \%short, \%got);
		wrong($place, "$cut cut names, not " . (keys(%{ $names{$collection} }) - keys %short)) if $cut != keys(%{ $names{$collection} }) - keys %short;
	}
}

# --- Through the mount --------------------------------------------------------------------------------------------------------------

# Whether an editor or a tool may mean it as a name on the way (DESIGN 4).
sub is_scratch {
	my ($name, $is_dir) = @_;
	return 1 if $name =~ /^\./;
	return !$is_dir && $name =~ /~$|^#.*#$|^(?:4913|5036|5159|5282|5405)$|^sed\w{6}$|^tmp\w{6,10}$|^XX(?:\w{6}|\w{8})$|\.o\w{6}$|\.(?:tmp|lock|bak|orig|rej)$/s;
}

my $errors = '';

# That a refusal has left a reason.
sub reason_for {
	my ($mount, $path, $error) = @_;
	$! = $error;
	return if $!{EEXIST} || $!{ENAMETOOLONG};
	wrong($path, "is refused with $!") unless $!{EINVAL} || $!{EPERM} || $!{ENOENT};
	sysopen(my $file, "$mount/.netviewfs/errors", O_RDONLY) or return wrong('errors', "$!");
	my $all = do { local $/; <$file> };
	wrong($path, 'is refused without a reason') if $all eq $errors;
	$errors = $all;
}

sub make {
	my ($mount, $utf8_only) = @_;
	my (%dns, %reports, %records);
	mkdir "$mount/netdox/dns/lan" or die "dns/lan: $!\n";
	for my $name (grep { $_ ne '' && $_ ne '.' && $_ ne '..' && !m{[/\0]} && length() < 256 } names()) {
		(my $stored = $name) =~ s/%([0-9a-f]{2})/chr hex $1/gie; # what is typed may have any escape
		$stored = '' if $name eq '%';
		if (mkdir "$mount/netdox/dns/lan/$name") {
			$dns{"[lan]$stored"} = 1 unless is_scratch($name, 1);
		} else {
			reason_for($mount, "dns/lan/$name", $!);
		}
		my $error = save("$mount/netdox/reports/$name", "---\ntype: string\n---\nx\n", 1);
		$reports{$stored} = 1 if !$error && !is_scratch($name);
		reason_for($mount, "reports/$name", $error) if $error;
		next if $utf8_only && !is_utf8($stored);
		$error = save("$mount/netgoat/teams/home/domains/home.example.com/records/$name.TXT.json", "{\"value\": \"x\"}\n");
		# what no record can be called is a file in memory; reported later, when it stays
		my $is_name = $name !~ /~|%(?![0-9A-Fa-f]{2})/;
		$records{$stored} = 1 if !$error && $is_name && !is_scratch("$name.TXT.json");
		reason_for($mount, "records/$name.TXT.json", $error) if $error;
	}
	wrong('dns', 'only ' . keys(%dns)) if keys(%dns) < 900;
	wrong('reports', 'only ' . keys(%reports)) if keys(%reports) < 900;
	wrong('records', 'only ' . keys(%records)) if keys(%records) < 150;
	same('dns', 'name', \%dns, set_of(@{ redis('SMEMBERS', 'dns') }));
	same('reports', 'id', \%reports, set_of(@{ redis('SMEMBERS', 'reports') }));
	print map { printable($_) . "\n" } sort keys %records;
}

# --- The command line ------------------------------------------------------------------------------------------------------------------

my ($command, $seed, @arguments) = @ARGV;
$chance = $seed;
binmode STDOUT;
my %commands = (
	redis => sub { connect_redis($_[0]); fill_redis() },
	sql => \&print_sql,
	json => \&print_json,
	'check-redis' => sub { connect_redis($_[0]); check_redis($_[1]) },
	'check-docs' => \&check_docs,
	make => sub { connect_redis($_[0]); make(@_[1, 2]) },
);
($commands{ $command || '' } || die "hostile.pl: no such command\n")->(@arguments);
exit($wrong ? 1 : 0);
