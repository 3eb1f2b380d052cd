#import "AURRecord.h"
#import "AURNames.h"
#import "AURTagOperation.h"
#import "AURValues.h"
#include <stdlib.h>

// Members of the stored file.
static NSString *const Version = @"version", *const Server = @"server", *const AppKey = @"app_key", *const InstallID = @"install_id",
    *const Secret = @"secret", *const RegistrationID = @"registration_id", *const Wanted = @"wanted", *const Pending = @"pending",
    *const Receipts = @"receipts", *const Known = @"known";

@implementation AURRecord {
    NSMutableDictionary *_values; // what is stored, but for the two lists
    NSMutableArray<AURReceipt *> *_receipts;
    NSMutableArray<NSString *> *_known; // keys of the latest receipts, delivered or not, oldest first
}

- (instancetype)init {
    if ((self = [super init])) {
        _values = [@{Version : @1} mutableCopy];
        _receipts = [NSMutableArray array];
        _known = [NSMutableArray array];
    }
    return self;
}

// What is damaged is left out, so that the rest is not lost with it.
+ (instancetype)recordWithData:(NSData *)data {
    NSDictionary *stored = AURReadJSON(data);
    if (![stored[Version] isEqual:@1]) return nil;
    AURRecord *record = [[self alloc] init];
    for (NSString *key in @[ Server, AppKey, InstallID, Secret, RegistrationID ]) [record set:AURText(stored, key) for:key];
    for (NSString *key in @[ Wanted, Pending ]) [record set:AURDictionary(stored[key]) for:key];
    for (id receipt in AURList(stored[Receipts]))
        if (AURIsReceipt(receipt)) [record->_receipts addObject:receipt];
    for (id key in AURList(stored[Known])) [record->_known addObject:[key description]];
    return record;
}

- (NSData *)encoded {
    [self set:_receipts for:Receipts];
    [self set:_known for:Known];
    return AURWriteJSON(_values);
}

- (void)set:(id)value for:(NSString *)key { [_values setValue:value forKey:key]; }

- (NSString *)installID { return _values[InstallID]; }

- (NSString *)secret { return _values[Secret]; }

- (NSString *)registrationID { return _values[RegistrationID]; }

- (void)setRegistrationID:(NSString *)registrationID { [self set:registrationID for:RegistrationID]; }

- (AURChanges *)wanted { return _values[Wanted] ?: @{}; }

- (AURChanges *)pending { return _values[Pending] ?: @{}; }

- (NSArray<AURReceipt *> *)receipts { return [_receipts copy]; }

- (void)makeIdentity {
    uint8_t secret[32];
    arc4random_buf(secret, sizeof secret);
    NSString *text = [[NSData dataWithBytes:secret length:sizeof secret] base64EncodedStringWithOptions:0];
    text = [[text stringByReplacingOccurrencesOfString:@"+" withString:@"-"] stringByReplacingOccurrencesOfString:@"/" withString:@"_"];
    [self set:[text stringByReplacingOccurrencesOfString:@"=" withString:@""] for:Secret];
    [self set:[NSUUID UUID].UUIDString.lowercaseString for:InstallID];
}

- (void)forget {
    [self set:nil for:RegistrationID];
    [self set:self.wanted for:Pending];
}

- (void)bindToServer:(NSString *)server appKey:(NSString *)appKey {
    if ([_values[Server] isEqual:server] && [_values[AppKey] isEqual:appKey]) return;
    [_receipts removeAllObjects];
    [_known removeAllObjects];
    [self forget];
    [self set:server for:Server];
    [self set:appKey for:AppKey];
}

- (void)want:(AURChanges *)changes {
    AURChanges *wanted = AURChangesLive(AURChangesThen(self.wanted, changes));
    // An app that rotates its tags for years must not carry the list of all it ever removed; a new registration starts
    // without them anyway.
    AURTagOperation *tags = wanted[AURTagsKey];
    if ([tags[@"remove"] count] > AURTagsMax) wanted = AURChangesThen(AURChangesWithout(wanted, @{AURTagsKey : tags}), @{AURTagsKey : AURTagsAdd(tags[@"add"] ?: @[])});
    [self set:wanted for:Wanted];
    [self set:AURChangesThen(self.pending, changes) for:Pending];
}

- (void)confirm:(AURChanges *)sent { [self set:AURChangesWithout(self.pending, sent) for:Pending]; }

- (void)giveUp:(AURChanges *)refused {
    [self confirm:refused];
    [self set:AURChangesWithout(self.wanted, refused) for:Wanted];
}

- (BOOL)knows:(AURReceipt *)receipt { return [_known containsObject:AURReceiptKey(receipt)]; }

static NSUInteger shorten(NSMutableArray *list, NSUInteger most) {
    NSUInteger over = list.count > most ? list.count - most : 0;
    [list removeObjectsInRange:NSMakeRange(0, over)];
    return over;
}

- (BOOL)add:(NSArray<AURReceipt *> *)receipts dropped:(NSUInteger *)dropped {
    BOOL added = NO;
    for (AURReceipt *receipt in receipts) {
        if ([self knows:receipt]) continue;
        added = YES;
        [_known addObject:AURReceiptKey(receipt)];
        [_receipts addObject:receipt];
    }
    shorten(_known, AURReceiptsMaxKnown);
    *dropped = shorten(_receipts, AURReceiptsMaxQueued);
    return added;
}

- (void)addAgain:(AURReceipt *)receipt {
    [self settle:@[ receipt ]];
    [_receipts addObject:receipt];
}

- (void)settle:(NSArray<AURReceipt *> *)delivered {
    NSMutableSet *keys = [NSMutableSet set];
    for (AURReceipt *receipt in delivered) [keys addObject:AURReceiptKey(receipt)];
    for (AURReceipt *queued in self.receipts)
        if ([keys containsObject:AURReceiptKey(queued)]) [_receipts removeObjectIdenticalTo:queued];
}

@end
