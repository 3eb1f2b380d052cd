#import "AURProvisioning.h"

AURSigning AURSigningOfProfile(NSData *profile) {
    NSData *key = [@"<key>aps-environment</key>" dataUsingEncoding:NSUTF8StringEncoding];
    NSRange found = profile == nil ? NSMakeRange(NSNotFound, 0) : [profile rangeOfData:key options:0 range:NSMakeRange(0, profile.length)];
    if (found.location == NSNotFound) return AURSigningUnknown;
    NSUInteger start = NSMaxRange(found);
    NSData *near = [profile subdataWithRange:NSMakeRange(start, MIN(profile.length - start, 64u))];
    NSString *text = [[NSString alloc] initWithData:near encoding:NSISOLatin1StringEncoding];
    text = [text stringByTrimmingCharactersInSet:[NSCharacterSet whitespaceAndNewlineCharacterSet]];
    if ([text hasPrefix:@"<string>development</string>"]) return AURSigningDevelopment;
    return [text hasPrefix:@"<string>production</string>"] ? AURSigningProduction : AURSigningUnknown;
}

BOOL AURProductionToken(AURSigning signing, BOOL configured) { return signing == AURSigningUnknown ? configured : signing == AURSigningProduction; }

NSString *AURSigningContradiction(AURSigning signing, BOOL configured) {
    BOOL production = AURProductionToken(signing, configured);
    if (production == configured) return nil;
    return [NSString stringWithFormat:@"APS_FOR_PRODUCTION says %@, but this build is signed for %@, where alone its token is good; set it to \"%d\"",
                                      configured ? @"production" : @"development", production ? @"production" : @"development", production];
}
