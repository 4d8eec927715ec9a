#!/usr/bin/perl
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Random reads, writes and truncations of one file against a model in memory, as fsx does. perl-base is enough.
#
#   fsx.pl SEED OPERATIONS FILE MAXIMUM [free]
#
# What is written are letters; holes are NULs; the file has at most MAXIMUM bytes. One handle does it all, and nothing is closed before
# the end: then the file gets one line of letters, which is printed. free: FILE takes any bytes, so it is also closed and opened again,
# synced, appended to, cut by its path, read by a second handle, and renamed. When a call fails or a byte is not the model's: the operations
# up to there, and status 1.
use strict;
use warnings;
use Fcntl;
use IO::Handle;

my ($chance, $operations, $path, $maximum, $free) = @ARGV;
my ($model, $file, @log) = ('');

sub chance {
	my ($below) = @_;
	$chance = ($chance * 1103515245 + 12345) % 2147483648;
	return int($chance / 65536) % $below;
}

sub must {
	my ($ok, $what) = @_;
	return if $ok;
	print map { "$_\n" } @log > 20 ? @log[-20 .. -1] : @log;
	print "$what: $!\n";
	exit 1;
}

sub letters {
	my ($count) = @_;
	return substr +('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ' x (2 + $count / 52)), chance(26), $count;
}

sub write_all {
	my ($handle, $bytes) = @_;
	must((syswrite($handle, $bytes) // -1) == length $bytes, 'write');
}

sub compare {
	my ($handle, $at, $count) = @_;
	my $got = '';
	sysseek $handle, $at, 0;
	while (length $got < $count) {
		my $read = sysread $handle, $got, $count - length $got, length $got;
		must(defined $read, 'read');
		last unless $read;
	}
	my $wanted = $at < length $model ? substr $model, $at, $count : '';
	must($got eq $wanted, "read of $count at $at gave " . length($got) . ' bytes, not ' . length($wanted) . ', or others');
}

sub reopen {
	must(close $file, 'close') if $file;
	must(sysopen($file, $path, O_RDWR), 'open');
}

my %do = (
	read => sub { compare($file, chance($maximum), chance(8192)) },
	whole => sub { compare($file, 0, $maximum + 1) },
	size => sub { must((stat $file)[7] == length $model, 'size is ' . (stat $file)[7] . ', not ' . length $model) },
	write => sub {
		my $at = chance($maximum);
		my $bytes = letters(1 + chance($maximum - $at < 9000 ? $maximum - $at : 9000));
		sysseek $file, $at, 0;
		write_all($file, $bytes);
		$model .= "\0" x ($at - length $model) if $at > length $model;
		substr($model, $at, length $bytes) = $bytes;
	},
	truncate => sub {
		my $size = chance($maximum);
		must(truncate($file, $size), 'ftruncate');
		$model = substr($model . "\0" x $size, 0, $size);
	},
	reopen => \&reopen,
	sync => sub { must($file->sync, 'fsync') },
	append => sub {
		my $bytes = letters(1 + chance(500));
		return if length($model . $bytes) > $maximum;
		must(sysopen(my $end, $path, O_WRONLY | O_APPEND), 'open to append');
		write_all($end, $bytes);
		must(close $end, 'close');
		$model .= $bytes;
	},
	cut => sub {
		my $size = chance($maximum);
		must(truncate($path, $size), 'truncate');
		$model = substr($model . "\0" x $size, 0, $size);
	},
	second => sub {
		must(sysopen(my $other, $path, O_RDONLY), 'open to read');
		compare($other, 0, $maximum + 1);
		must((stat $other)[7] == length $model, 'size for another handle');
	},
	rename => sub {
		must(rename($path, "$path~"), 'rename');
		must(rename("$path~", $path), 'rename back');
	},
);

must(sysopen($file, $path, $free ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR), 'open');
unless ($free) {
	my $size = (stat $file)[7];
	must(sysread($file, $model, $size + 1) == $size, 'first read');
}
my @words = (qw(read read write write write truncate size whole), $free ? qw(reopen sync append cut second rename) : ());
for my $number (1 .. $operations) {
	my $word = $words[chance(scalar @words)];
	push @log, "$number $word, " . length($model) . ' bytes before';
	$do{$word}->();
}
my $end = letters(1 + chance(60)) . "\n";
must(truncate($file, 0), 'ftruncate');
sysseek $file, 0, 0;
write_all($file, $end);
must(close $file, 'close');
print $end;
