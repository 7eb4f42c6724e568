#!/usr/bin/perl
# Databases of the size of real ones, made up: make_geo.pl COUNTRY.mmdb ASN.mmdb [NETWORKS]
# Prefixes of /12 to /24 over all of IPv4, by a seed; Debian's libmaxmind-db-writer-perl.
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my ( $country_file, $asn_file, $networks ) = @ARGV;
die "usage: make_geo.pl COUNTRY.mmdb ASN.mmdb [NETWORKS]\n" unless $asn_file;
$networks ||= 100_000;
srand 1;

my %types = (
    autonomous_system_number       => 'uint32',
    autonomous_system_organization => 'utf8_string',
    country                        => 'map',
    iso_code                       => 'utf8_string',
);

sub tree {
    my ($type) = @_;
    return MaxMind::DB::Writer::Tree->new(
        database_type            => $type,
        description              => { en => "made up, of the size of a real one" },
        ip_version               => 6,
        record_size              => 28,
        map_key_type_callback    => sub { $types{ $_[0] } },
        remove_reserved_networks => 0,
    );
}

my ( $countries, $asns ) = ( tree('Bench-Country'), tree('Bench-ASN') );
for ( 1 .. $networks ) {
    my $bits    = 12 + int rand 13;
    my $address = int( rand 2**$bits ) << ( 32 - $bits );
    my $network = join( '.', unpack 'C4', pack 'N', $address ) . "/$bits";
    my $code    = chr( 65 + int rand 26 ) . chr( 65 + int rand 26 );
    my $asn     = 1 + int rand 70_000;
    $countries->insert_network( $network, { country => { iso_code => $code } } );
    $asns->insert_network(
        $network,
        {
            autonomous_system_number       => $asn,
            autonomous_system_organization => "Network $asn",
        }
    );
}
for ( [ $countries, $country_file ], [ $asns, $asn_file ] ) {
    my ( $tree, $name ) = @$_;
    open my $out, '>:raw', $name or die "$name: $!\n";
    $tree->write_tree($out);
    close $out or die "$name: $!\n";
}
