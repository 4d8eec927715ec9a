#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Calls one by one from a table, and what each must give: the parts of pjdfstest that have a meaning here. perl-base is enough.
#
#   posix.pl DIRECTORY <TABLE
#
# A line of the table is WANTED | CALL ARGUMENT… | reason. WANTED is ok, an errno's name, or what the call prints. Empty lines and lines that
# begin with # say nothing. Paths are below DIRECTORY; LONG in one stands for 255 letters, LONGER for 256.
#
#   create FILE  open FLAGS FILE (r w rw trunc creat excl append dir nofollow, joined by +)  write FILE TEXT  read FILE
#   mkdir DIR  rmdir DIR  unlink FILE  rename OLD NEW  link OLD NEW  symlink TARGET NEW  readlink LINK  mkfifo FILE
#   truncate FILE SIZE  ftruncate FILE SIZE  chmod MODE FILE  chown UID FILE  utime SECONDS FILE
#   type size mode nlink mtime FILE (of lstat)  same FILE FILE (yes when both are one inode)  list DIR  unlinked FILE (its size after unlink)
use strict;
use warnings;
use Fcntl qw(:DEFAULT :mode);
use POSIX ();
use Errno;

sub errno_name {
	for my $name (sort keys %!) {
		return $name if $!{$name} && $name !~ /^(?:EWOULDBLOCK|EDEADLOCK|ENOTSUP)$/;
	}
	return 'E' . ($! + 0);
}

my %flag = (
	r => O_RDONLY, w => O_WRONLY, rw => O_RDWR, trunc => O_TRUNC, creat => O_CREAT, excl => O_EXCL, append => O_APPEND,
	dir => O_DIRECTORY, nofollow => O_NOFOLLOW,
);

sub opened {
	my ($flags, $path) = @_;
	my $bits = 0;
	$bits |= $flag{$_} // die "no such flag: $_\n" for split /\+/, $flags;
	sysopen(my $file, $path, $bits, 0644) or return undef;
	return $file;
}

sub written {
	my ($path, $text) = @_;
	my $file = opened('w+creat+trunc', $path) or return undef;
	$text =~ s/\\n/\n/g;
	return close $file if defined syswrite $file, $text;
	my $error = $! + 0;
	close $file;
	$! = $error;
	return undef;
}

sub text {
	my ($path) = @_;
	my $file = opened('r', $path) or return undef;
	my $text = '';
	while (1) {
		my $count = sysread $file, $text, 65536, length $text;
		return undef unless defined $count;
		last unless $count;
	}
	$text =~ s/([^!-~ ])/sprintf '\\%o', ord $1/ge;
	return "\"$text\"";
}

sub field { my ($path, $number) = @_; my @stat = lstat $path; return @stat ? $stat[$number] : undef }

sub kind {
	my $mode = field($_[0], 2);
	return !defined $mode ? undef : S_ISDIR($mode) ? 'directory' : S_ISLNK($mode) ? 'link' : S_ISREG($mode) ? 'file' : 'other';
}

my %call = (
	create => sub { my $file = opened('w+creat+excl', $_[0]); $file && close $file },
	open => sub { my $file = opened(@_); $file && close $file },
	write => \&written,
	read => \&text,
	mkdir => sub { mkdir $_[0], 0755 },
	rmdir => sub { rmdir $_[0] },
	unlink => sub { POSIX::unlink($_[0]) }, # the call alone: perl's looks at directories first
	rename => sub { rename $_[0], $_[1] },
	link => sub { link $_[0], $_[1] },
	symlink => sub { symlink $_[0], $_[1] },
	readlink => sub { readlink $_[0] },
	mkfifo => sub { POSIX::mkfifo($_[0], 0644) },
	truncate => sub { truncate $_[0], $_[1] },
	ftruncate => sub { my $file = opened('rw', $_[0]); $file && truncate($file, $_[1]) && close $file },
	chmod => sub { chmod oct $_[0], $_[1] },
	chown => sub { chown $_[0], -1, $_[1] },
	utime => sub { utime $_[0], $_[0], $_[1] },
	type => \&kind,
	size => sub { field($_[0], 7) },
	mode => sub { my $mode = field($_[0], 2); defined $mode ? sprintf '%04o', $mode & 07777 : undef },
	nlink => sub { field($_[0], 3) },
	mtime => sub { field($_[0], 9) },
	same => sub { my ($a, $b) = map { field($_, 1) } @_; defined $a && defined $b ? $a == $b ? 'yes' : 'no' : undef },
	list => sub {
		opendir(my $dir, $_[0]) or return undef;
		'[' . join(' ', sort grep { !/^\.\.?$/ } readdir $dir) . ']';
	},
	unlinked => sub { my $file = opened('rw', $_[0]); $file && unlink($_[0]) && defined syswrite($file, 'more') ? (stat $file)[7] : undef },
);
# Which arguments are paths.
my %paths = (
	open => [1], rename => [0, 1], link => [0, 1], symlink => [1], chmod => [1], chown => [1], utime => [1], same => [0, 1],
);

my ($directory) = @ARGV;
my ($count, $wrong) = (0, 0);
chdir $directory or die "$directory: $!\n";
while (<STDIN>) {
	chomp;
	next if /^\s*(?:#|$)/;
	my ($wanted, $call, $reason) = map { s/^\s+|\s+$//gr } split /\|/, $_, 3;
	my ($name, @arguments) = split ' ', $call, $call =~ /^write/ ? 3 : 0;
	defined $reason && length $reason or die "no reason: $_\n";
	for (@{ $paths{$name} || [0] }) {
		$arguments[$_] =~ s/LONGER/'l' x 256/e;
		$arguments[$_] =~ s/LONG/'l' x 255/e;
	}
	$! = 0;
	my $result = ($call{$name} // die "no such call: $name\n")->(@arguments);
	my $is_value = $name =~ /^(?:size|mode|nlink|mtime|unlinked)$/;
	my $got = $is_value ? $result : $result && ($result =~ /^\d/ ? 'ok' : $result);
	$got = errno_name() unless defined $got && ($is_value || $got);
	$count++;
	next if $got eq $wanted;
	print "line $.: $call gives $got, not $wanted ($reason)\n";
	$wrong++;
}
print "$count calls\n";
exit($wrong || !$count ? 1 : 0);
