#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# System calls one by one on handles of one process, for what shell tools cannot say. perl-base is enough.
#
#   sys.pl STEP…       each step is WORD or WORD:ARGUMENT; each prints one line: the step, and "ok", a number or the errno's name
#
#   use:NAME           the handle that the next steps mean (default: a)
#   open:FLAGS:PATH    flags: r w rw, trunc creat excl append, joined by "+"
#   read:COUNT         prints the bytes as they are, then a line
#   write:TEXT         \n and \\ are understood
#   seek:OFFSET  truncate:SIZE  fsync  close  size
#   truncatepath:SIZE:PATH  unlink:PATH  mkdir:PATH  rmdir:PATH  link:OLD:NEW  symlink:TARGET:PATH  rename:OLD:NEW  chmod:MODE:PATH
#   cat:PATH           opens, reads all, closes
#   wait               prints "ready" and waits for a line on standard input
#   kill               kills this process with SIGKILL
use strict;
use warnings;
use Fcntl;
use IO::Handle;
use Errno;

$| = 1;
my %handle;
my $use = 'a';
my %flag = (
	r => O_RDONLY, w => O_WRONLY, rw => O_RDWR, trunc => O_TRUNC, creat => O_CREAT, excl => O_EXCL, append => O_APPEND,
);

sub errno_name {
	for my $name (keys %!) {
		return $name if $!{$name} and $name ne 'EWOULDBLOCK' and $name ne 'EDEADLOCK' and $name ne 'ENOTSUP';
	}
	return 'E' . ($! + 0);
}

sub report {
	my ($step, $result) = @_;
	printf "%s %s\n", $step, defined $result ? $result : errno_name();
}

sub ok { return $_[0] ? 'ok' : undef }

sub slurp {
	my ($path) = @_;
	sysopen(my $file, $path, O_RDONLY) or return undef;
	my $text = '';
	while (1) {
		my $count = sysread($file, $text, 65536, length $text);
		return undef unless defined $count;
		last unless $count;
	}
	close $file;
	return $text;
}

my %step = (
	use => sub { $use = $_[0]; 'ok' },
	open => sub {
		my ($flags, $path) = split /:/, $_[0], 2;
		my $bits = 0;
		$bits |= $flag{$_} // die "no such flag: $_\n" for split /\+/, $flags;
		ok(sysopen($handle{$use}, $path, $bits, 0644));
	},
	read => sub {
		my $text;
		my $count = sysread($handle{$use}, $text, $_[0]);
		return undef unless defined $count;
		print $text;
		$count;
	},
	write => sub {
		(my $text = $_[0]) =~ s/\\([n\\])/$1 eq 'n' ? "\n" : '\\'/ge;
		syswrite($handle{$use}, $text);
	},
	seek => sub { ok(sysseek($handle{$use}, $_[0], 0)) },
	truncate => sub { ok(truncate($handle{$use}, $_[0])) },
	fsync => sub { ok($handle{$use}->sync) },
	size => sub { (stat $handle{$use})[7] },
	close => sub { my $ok = close $handle{$use}; delete $handle{$use}; ok($ok) },
	truncatepath => sub { my ($size, $path) = split /:/, $_[0], 2; ok(truncate($path, $size)) },
	unlink => sub { ok(unlink $_[0]) },
	mkdir => sub { ok(mkdir $_[0]) },
	rmdir => sub { ok(rmdir $_[0]) },
	link => sub { my ($old, $new) = split /:/, $_[0], 2; ok(link $old, $new) },
	symlink => sub { my ($target, $path) = split /:/, $_[0], 2; ok(symlink $target, $path) },
	rename => sub { my ($old, $new) = split /:/, $_[0], 2; ok(rename $old, $new) },
	chmod => sub { my ($mode, $path) = split /:/, $_[0], 2; ok(chmod oct $mode, $path) },
	cat => sub { my $text = slurp($_[0]); return undef unless defined $text; print $text; length $text },
	wait => sub { print "ready\n"; my $line = <STDIN>; 'ok' },
	kill => sub { kill 'KILL', $$; 'ok' },
);

for my $word (@ARGV) {
	my ($name, $argument) = split /:/, $word, 2;
	my $do = $step{$name} or die "no such step: $name\n";
	report($name, $do->(defined $argument ? $argument : ''));
}
