#import "AURRecord.h"
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
        _values = [NSMutableDictionary dictionaryWithObject:@2 forKey:Version];
        _receipts = [NSMutableArray array];
        _known = [NSMutableArray array];
    }
    return self;
}

// A value of the wrong kind is left out, here or where it is used, so that the rest is not lost with it.
+ (instancetype)recordWithData:(NSData *)data {
    NSDictionary *stored = AURReadJSON(data);
    if (![stored[Version] isEqual:@2]) return nil;
    AURRecord *record = [[self alloc] init];
    [record->_values addEntriesFromDictionary:stored];
    for (id receipt in AURList(stored[Receipts]))
        if (AURIsReceipt(receipt)) [record->_receipts addObject:receipt];
    [record->_known addObjectsFromArray:AURList(stored[Known]) ?: @[]];
    return record;
}

- (NSData *)encoded {
    [self set:_receipts for:Receipts];
    [self set:_known for:Known];
    return AURWriteJSON(_values);
}

- (void)set:(id)value for:(NSString *)key { [_values setValue:value forKey:key]; }

- (NSString *)registrationID { return AURText(_values, RegistrationID); }

- (void)setRegistrationID:(NSString *)registrationID { [self set:registrationID for:RegistrationID]; }

- (NSDictionary *)texts:(NSString *)keys { return AURHasTexts(_values, keys) ? [_values dictionaryWithValuesForKeys:[keys componentsSeparatedByString:@" "]] : nil; }

- (NSDictionary *)identity { return [self texts:@"server app_key registration_id secret"]; }

- (NSDictionary *)registration { return [self texts:@"app_key install_id secret"]; }

- (AURChanges *)wanted { return AURDictionary(_values[Wanted]) ?: @{}; }

- (AURChanges *)pending { return AURDictionary(_values[Pending]) ?: @{}; }

- (BOOL)waits { return _receipts.count + self.pending.count > 0; }

- (id)piece { return self.pending.count > 0 ? AURChangesPiece(self.pending) : [self receiptsAtMost:AURReceiptsBatch]; }

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
    [self set:AURChangesLasting(AURChangesThen(self.wanted, changes)) for:Wanted];
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
    NSUInteger dropped = 0;
    [_known removeObject:AURReceiptKey(receipt)];
    [self add:@[ receipt ] dropped:&dropped];
}

- (NSArray<AURReceipt *> *)receiptsAtMost:(NSUInteger)most { return [_receipts subarrayWithRange:NSMakeRange(0, MIN(_receipts.count, most))]; }

- (void)settle:(NSArray<AURReceipt *> *)delivered {
    [_receipts removeObjectsInArray:delivered];
}

@end
