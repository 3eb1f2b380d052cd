#import "AURReceiptQueue.h"
#import "AURFiles.h"
#import "AURLogging.h"
#import "AURReceipt.h"

static const NSUInteger MaxWaiting = 1000;

@implementation AURQueuedReceipt

- (instancetype)initWithReceipt:(AURReceipt *)receipt file:(NSURL *)file {
    if ((self = [super init])) {
        _receipt = [receipt copy];
        _file = [file copy];
    }
    return self;
}

@end

@implementation AURReceiptQueue {
    NSURL *_folder, *_identity;
}

- (instancetype)initWithFolder:(NSURL *)folder {
    if ((self = [super init])) {
        _folder = [folder URLByAppendingPathComponent:@"receipts" isDirectory:YES];
        _identity = [folder URLByAppendingPathComponent:@"identity.json"];
    }
    return self;
}

+ (instancetype)queueWithAppGroup:(NSString *)group {
#if __APPLE__
    NSURL *container = [[NSFileManager defaultManager] containerURLForSecurityApplicationGroupIdentifier:group];
    if (container != nil) return [[self alloc] initWithFolder:[container URLByAppendingPathComponent:@"AuroraPush" isDirectory:YES]];
#endif
    AURLogLine(AURLogLevelError, @"there is no app group %@ here; add it under Signing & Capabilities of the app and of the extension", group);
    return nil;
}

- (NSArray<NSString *> *)names {
    NSArray *all = [[NSFileManager defaultManager] contentsOfDirectoryAtPath:_folder.path error:NULL];
    NSArray *names = [all filteredArrayUsingPredicate:[NSPredicate predicateWithFormat:@"SELF ENDSWITH '.receipt'"]];
    return [names sortedArrayUsingSelector:@selector(compare:)];
}

- (AURQueuedReceipt *)addReceived:(NSDictionary *)payload at:(NSDate *)now {
    AURReceipt *receipt = AURReceiptsFor(AURReceivedEvent, payload, now).firstObject;
    if (receipt == nil) return nil;
    NSError *error = nil;
    NSArray<NSString *> *names = [self names];
    for (NSUInteger i = 0; i + MaxWaiting <= names.count; i++)
        [[NSFileManager defaultManager] removeItemAtPath:[_folder URLByAppendingPathComponent:names[i]].path error:NULL];
    // The name begins with the time, so that names sort by age.
    NSString *name = [NSString stringWithFormat:@"%@-%@.receipt", receipt[@"at"], [NSUUID UUID].UUIDString];
    NSURL *file = [_folder URLByAppendingPathComponent:[name stringByReplacingOccurrencesOfString:@":" withString:@""]];
    NSData *data = [NSJSONSerialization dataWithJSONObject:receipt options:0 error:NULL];
    if (!AURMakeFolder(_folder, &error) || !AURWriteFile(data, file, &error)) {
        AURLogLine(AURLogLevelError, @"the receipt cannot be queued: %@", error.localizedDescription);
        return nil;
    }
    return [[AURQueuedReceipt alloc] initWithReceipt:receipt file:file];
}

- (NSArray<AURQueuedReceipt *> *)waiting {
    NSMutableArray *waiting = [NSMutableArray array];
    for (NSString *name in [self names]) {
        if (waiting.count == MaxWaiting) break;
        NSURL *file = [_folder URLByAppendingPathComponent:name];
        NSData *data = AURReadFile(file, NULL);
        id receipt = data == nil ? nil : [NSJSONSerialization JSONObjectWithData:data options:0 error:NULL];
        if (AURIsReceipt(receipt)) [waiting addObject:[[AURQueuedReceipt alloc] initWithReceipt:receipt file:file]];
        else if (data != nil) [[NSFileManager defaultManager] removeItemAtPath:file.path error:NULL]; // damaged, and would stay for ever
    }
    return waiting;
}

- (void)remove:(AURQueuedReceipt *)receipt { [[NSFileManager defaultManager] removeItemAtPath:receipt.file.path error:NULL]; }

- (void)shareServer:(NSString *)server appKey:(NSString *)appKey registrationID:(NSString *)registrationID secret:(NSString *)secret {
    NSDictionary *identity = @{@"server" : server, @"app_key" : appKey, @"registration_id" : registrationID, @"secret" : secret};
    if ([[self sharedIdentity] isEqual:identity]) return;
    NSError *error = nil;
    NSData *data = [NSJSONSerialization dataWithJSONObject:identity options:0 error:NULL];
    if (!AURMakeFolder(_folder, &error) || !AURWriteFile(data, _identity, &error))
        AURLogLine(AURLogLevelError, @"the extension cannot be told who this is: %@", error.localizedDescription);
}

- (NSDictionary<NSString *, NSString *> *)sharedIdentity {
    NSData *data = [[NSFileManager defaultManager] fileExistsAtPath:_identity.path] ? AURReadFile(_identity, NULL) : nil;
    NSDictionary *identity = data == nil ? nil : [NSJSONSerialization JSONObjectWithData:data options:0 error:NULL];
    if (![identity isKindOfClass:[NSDictionary class]]) return nil;
    for (NSString *key in @[ @"server", @"app_key", @"registration_id", @"secret" ])
        if (![identity[key] isKindOfClass:[NSString class]]) return nil;
    return identity;
}

@end
