#import "AURBackoff.h"
#import "AURClientPrivate.h"
#import "AURErrorMaking.h"
#import "AURLogging.h"
#import "AURNotifications.h"
#import "AURReceiptQueue.h"

static const NSUInteger Batch = 100; // receipts that a request may carry

// A refusal that is about the content of the request.
static BOOL isFinal(NSError *error) { return error != nil && !AURErrorIsPassing(error) && !AURErrorIsUnknownRegistration(error); }

static NSArray *rest(NSArray *list) { return [list subarrayWithRange:NSMakeRange(1, list.count - 1)]; }

@implementation AURClient (Delivery)

- (void)turn {
    if (_stopped) [self refuseWaiters];
    if (!_started || _stopped || _busy || _pause != nil) return;
    _busy = YES;
    if (!_loaded || !_stored) [self prepare];
    else if (_refused != nil) [self refuseWaiters];
    else if (_record.registrationID == nil) [self registerDevice];
    else if (_record.pending.count > 0) [self sendParts:@[ AURChangesPiece(_record.pending) ]];
    else if (_record.receipts.count > 0) [self reportNextBatch];
    else if (_readers.count > 0 || _probing) [self readDevice];
    else [self rest];
}

- (void)rest {
    _busy = NO;
    _failures = 0;
    [_deliveries finishAll:@YES error:nil];
    [_inbox turn];
}

- (void)refuseWaiters {
    _busy = NO;
    NSError *error = [self whyNot];
    [_tickets finishAll:nil error:error];
    [_readers finishAll:nil error:error];
    [_deliveries finishAll:@NO error:nil];
}

/// Ends a task. Success of one with proof shows that the server is well. A registration does not: a server that registers but
/// then does not know its own device would otherwise be asked in a tight circle.
- (void)finish:(NSError *)error proof:(BOOL)proof {
    _busy = NO;
    _request = nil;
    if (_stopped) return;
    if (error == nil) {
        if (proof) {
            _failures = 0;
            [self announceLogin];
        }
        [self turn];
        return;
    }
    NSTimeInterval seconds = AURPause(++_failures, AURErrorRetryAfter(error));
    AURLogLine(AURLogLevelInfo, @"next attempt in %.1f s: %@", seconds, error.localizedDescription);
    [_deliveries finishAll:@NO error:nil];
    [_readers finishAll:nil error:error];
    if (_hurried) {
        _hurried = NO;
        [self turn];
        return;
    }
    __weak AURClient *weak = self;
    _pause = AURAfter(_env.clock, seconds, _env.queue, ^{ [weak resume]; });
}

- (void)resume {
    [self endPause];
    [self turn];
}

- (void)endPause {
    [_pause cancel];
    _pause = nil;
}

#pragma mark - Tasks

/// Loads the record and makes the identity; it is stored before anything is sent.
- (void)prepare {
    NSError *error = nil;
    BOOL loaded = [self load:&error];
    if (loaded && (_record.installID == nil || _record.secret == nil)) [_record makeIdentity];
    _stored = loaded && [self save:&error];
    if (_stored) {
        [self collectFromExtension];
        [self shareIdentity];
        [_tickets settleWithPending:[self unsettled] refused:nil error:nil];
    }
    [self finish:_stored ? nil : [self unstored:error] proof:NO];
}

- (NSError *)unstored:(NSError *)error { return error ?: AURMakeError(AURErrorUnexpected, @"the record cannot be stored"); }

/// Stores the record; what cannot be stored is not built upon.
- (void)saveThen:(void (^)(void))next {
    NSError *error = nil;
    if ([self save:&error]) next();
    else [self finish:[self unstored:error] proof:NO];
}

- (void)registerDevice {
    NSMutableDictionary *registration = [[self profile] mutableCopy];
    [registration addEntriesFromDictionary:@{
        @"app_key" : self.config.appKey, @"install_id" : _record.installID, @"secret" : _record.secret,
        @"bundle_id" : _env.bundleID, @"platform" : @"ios"}];
    _request = [_api registerDevice:registration answer:^(NSDictionary *answer, NSError *error) {
        [self registered:answer[@"registration_id"] error:error];
    }];
}

- (void)registered:(NSString *)identifier error:(NSError *)error {
    if (_stopped) return;
    if (identifier != nil) {
        _record.registrationID = identifier;
        [_record confirm:[self profile]];
        self.registrationID = identifier;
        AURLogLine(AURLogLevelInfo, @"registered as %@", identifier);
        [self post:AURNetworkDidRegisterNotification info:@{@"RegistrationID" : identifier}];
        [self save:&error];
        [self shareIdentity];
        [_tickets settleWithPending:_record.pending refused:nil error:nil];
        [self announceLogin];
    } else if (AURErrorStatus(error) == 403 && AURErrorServerCode(error) == 7004) {
        // Somebody else owns this installation id. A fresh identity is certain to be free; the pause before the next attempt
        // bounds the traffic if the server is confused.
        AURLogLine(AURLogLevelWarning, @"the installation id is taken; making a new one");
        [_record makeIdentity];
        _stored = NO;
    } else if (!AURErrorIsPassing(error)) {
        AURLogLine(AURLogLevelError, @"Aurora refuses the registration: %@", error.localizedDescription);
        _refused = error;
        [self post:AURNetworkFailedRegisterNotification info:@{@"error" : error}];
        error = nil;
    }
    [self finish:error proof:NO];
}

/// Sends groups of values one after the other. A group of which Aurora refuses something is split once, so that one value
/// does not spoil the others.
- (void)sendParts:(NSArray<AURChanges *> *)parts {
    AURChanges *sent = parts.firstObject;
    if (sent == nil) {
        [self finish:nil proof:YES];
        return;
    }
    _request = [_api update:sent of:self.identity answer:^(NSDictionary *answer, NSError *error) {
        [self sent:sent rest:rest(parts) error:error];
    }];
}

- (void)sent:(AURChanges *)sent rest:(NSArray<AURChanges *> *)rest error:(NSError *)error {
    if (_stopped) return;
    if (error != nil && !isFinal(error)) {
        [self forgetIfUnknown:error];
        return;
    }
    NSArray *smaller = error != nil ? AURChangesParts(sent) : nil;
    if (smaller.count > 1) {
        [self sendParts:[smaller arrayByAddingObjectsFromArray:rest]];
        return;
    }
    if (error == nil) {
        [_record confirm:sent];
    } else {
        [self refuse:error];
        [_record giveUp:sent];
    }
    [_tickets settleWithPending:[self unsettled] refused:error != nil ? sent : nil error:error];
    [self saveThen:^{ [self sendParts:rest]; }];
}

/// What completions wait for: the pending values, and the registration while there is none.
- (NSDictionary *)unsettled {
    if (_record.registrationID != nil) return _record.pending;
    NSMutableDictionary *all = [_record.pending mutableCopy];
    all[@"registration"] = @YES;
    return all;
}

- (void)reportNextBatch {
    NSArray *receipts = _record.receipts;
    [self reportBatches:@[ [receipts subarrayWithRange:NSMakeRange(0, MIN(receipts.count, Batch))] ]];
}

/// Halves a batch that is refused until the one that is to blame stands alone.
- (void)reportBatches:(NSArray<NSArray<AURReceipt *> *> *)batches {
    NSArray<AURReceipt *> *batch = batches.firstObject;
    if (batch == nil) {
        [self finish:nil proof:YES];
        return;
    }
    _request = [_api report:batch of:self.identity timeout:AURRequestTimeout answer:^(NSDictionary *answer, NSError *error) {
        [self reported:batch rest:rest(batches) error:error];
    }];
}

- (void)reported:(NSArray<AURReceipt *> *)batch rest:(NSArray<NSArray<AURReceipt *> *> *)rest error:(NSError *)error {
    if (_stopped) return;
    if (error != nil && !isFinal(error)) {
        [self forgetIfUnknown:error];
        return;
    }
    if (error != nil && batch.count > 1) {
        NSUInteger half = batch.count / 2;
        NSArray *halves = @[ [batch subarrayWithRange:NSMakeRange(0, half)], [batch subarrayWithRange:NSMakeRange(half, batch.count - half)] ];
        [self reportBatches:[halves arrayByAddingObjectsFromArray:rest]];
        return;
    }
    if (error != nil) [self refuse:error];
    [_record settle:batch];
    [self saveThen:^{ [self reportBatches:rest]; }];
}

/// One answer for all who wait now; who comes later may have written in between and waits for the next.
- (void)readDevice {
    AURTickets *waiting = _readers;
    _readers = [self newTickets];
    _probing = NO;
    _request = [_api readDevice:self.identity answer:^(NSDictionary *device, NSError *error) {
        [waiting finishAll:device error:error];
        [self read:error];
    }];
}

- (void)read:(NSError *)error {
    if (_stopped) return;
    if (error == nil || isFinal(error)) [self finish:nil proof:error == nil];
    else [self forgetIfUnknown:error];
}

#pragma mark - Refusals

/// Prepares a new registration if Aurora does not know this one, and pauses.
- (void)forgetIfUnknown:(NSError *)error {
    if (AURErrorIsUnknownRegistration(error)) {
        AURLogLine(AURLogLevelWarning, @"Aurora does not know this registration; registering anew: %@", error.localizedDescription);
        [_record forget];
        self.registrationID = @"";
        _announcedLogin = NO;
        [self save:NULL];
    }
    [self finish:error proof:NO];
}

- (void)refuse:(NSError *)error {
    AURLogLine(AURLogLevelError, @"Aurora refused a value; it is given up: %@", error.localizedDescription);
    [self post:AURServiceErrorNotification info:@{@"error" : error}];
}

- (void)announceLogin {
    if (_announcedLogin || _record.registrationID == nil) return;
    _announcedLogin = YES;
    [self post:AURNetworkDidLoginNotification info:@{@"RegistrationID" : _record.registrationID}];
}

- (void)shareIdentity {
    if (_record.registrationID == nil) return;
    [_env.receiptQueue shareServer:self.config.server appKey:self.config.appKey registrationID:_record.registrationID secret:_record.secret];
}

@end
